/**
 * The three functions of the `Reflect` metadata proposal that @peculiar/x509's container of classes calls. Import it before
 * `@peculiar/x509`; the usual polyfill is larger than what it is used for here.
 */
type Key = string | symbol

const metadata = new WeakMap<object, Map<Key, unknown>>()

function own(key: Key, target: object): unknown {
  return metadata.get(target)?.get(key)
}

function inherited(key: Key, target: object): unknown {
  for (let here: object | null = target; here !== null; here = Object.getPrototypeOf(here)) {
    const found = own(key, here)
    if (found !== undefined) return found
  }
  return undefined
}

function define(key: Key, value: unknown, target: object): void {
  let values = metadata.get(target)
  if (values === undefined) {
    values = new Map()
    metadata.set(target, values)
  }
  values.set(key, value)
}

const reflect = Reflect as unknown as Record<string, unknown>
reflect['getMetadata'] ??= inherited
reflect['getOwnMetadata'] ??= own
reflect['defineMetadata'] ??= define
reflect['metadata'] ??= (key: Key, value: unknown) => (target: object) => define(key, value, target)
