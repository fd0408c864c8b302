/**
 * A set of field paths, as a tree (structured-merge-diff fieldpath.Set). Path elements are kept in the text form of FieldsV1:
 * `f:name` a field, `k:{"name":"x"}` an item of a list that is a map, `v:"x"` an item of a list that is a set.
 */
import { isObject, type JsonObject } from '../json.ts'

export class FieldSet {
  /** Whether the path that leads here is itself in the set. */
  member = false
  readonly children = new Map<string, FieldSet>()

  static of(paths: readonly (readonly string[])[]): FieldSet {
    const set = new FieldSet()
    for (const path of paths) set.insert(path)
    return set
  }

  static fromJson(fields: unknown): FieldSet {
    const set = new FieldSet()
    if (!isObject(fields)) return set
    for (const [key, value] of Object.entries(fields)) {
      if (key === '.') continue
      const child = FieldSet.fromJson(value)
      child.member = child.children.size === 0 || (isObject(value) && Object.hasOwn(value, '.'))
      set.children.set(key, child)
    }
    return set
  }

  toJson(): JsonObject {
    const fields: JsonObject = {}
    if (this.member && this.children.size > 0) fields['.'] = {}
    for (const key of [...this.children.keys()].sort()) fields[key] = (this.children.get(key) as FieldSet).toJson()
    return fields
  }

  get empty(): boolean {
    return !this.member && this.children.size === 0
  }

  child(element: string): FieldSet | undefined {
    return this.children.get(element)
  }

  insert(path: readonly string[]): void {
    let here: FieldSet = this
    for (const element of path) {
      let next = here.children.get(element)
      if (next === undefined) {
        next = new FieldSet()
        here.children.set(element, next)
      }
      here = next
    }
    here.member = true
  }

  has(path: readonly string[]): boolean {
    let here: FieldSet | undefined = this
    for (const element of path) here = here?.children.get(element)
    return here?.member === true
  }

  union(other: FieldSet): FieldSet {
    return combine(this, other, (a, b) => a || b)
  }

  intersection(other: FieldSet): FieldSet {
    return combine(this, other, (a, b) => a && b)
  }

  difference(other: FieldSet): FieldSet {
    return combine(this, other, (a, b) => a && !b)
  }

  /** Without these paths and everything under them. */
  without(other: FieldSet): FieldSet {
    const result = new FieldSet()
    result.member = this.member
    for (const [element, child] of this.children) {
      const cut = other.children.get(element)
      if (cut?.member === true) continue
      const rest = cut === undefined ? child : child.without(cut)
      if (!rest.empty) result.children.set(element, rest)
    }
    return result
  }

  /** Only what lies under one element. */
  only(element: string): FieldSet {
    const result = new FieldSet()
    const child = this.children.get(element)
    if (child !== undefined) result.children.set(element, child)
    return result
  }

  equals(other: FieldSet): boolean {
    if (this.member !== other.member || this.children.size !== other.children.size) return false
    for (const [element, child] of this.children) {
      const same = other.children.get(element)
      if (same === undefined || !child.equals(same)) return false
    }
    return true
  }

  /** All paths in the set, in order. */
  paths(prefix: readonly string[] = []): string[][] {
    const found = this.member ? [[...prefix]] : []
    for (const element of [...this.children.keys()].sort()) {
      found.push(...(this.children.get(element) as FieldSet).paths([...prefix, element]))
    }
    return found
  }
}

function combine(a: FieldSet, b: FieldSet, keep: (a: boolean, b: boolean) => boolean): FieldSet {
  const result = new FieldSet()
  result.member = keep(a.member, b.member)
  for (const element of new Set([...a.children.keys(), ...b.children.keys()])) {
    const child = combine(a.children.get(element) ?? NONE, b.children.get(element) ?? NONE, keep)
    if (!child.empty) result.children.set(element, child)
  }
  return result
}

const NONE = new FieldSet()

/** A path as conflicts show it: `.spec.containers[name="a"].image`. */
export function showPath(path: readonly string[]): string {
  return path
    .map((element) => {
      const rest = element.slice(2)
      if (element.startsWith('f:')) return `.${rest}`
      if (!element.startsWith('k:')) return `[=${rest}]`
      const keys = JSON.parse(rest) as JsonObject
      return `[${Object.entries(keys)
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(',')}]`
    })
    .join('')
}
