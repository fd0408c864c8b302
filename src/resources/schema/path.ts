/** Paths as apimachinery's field.Path prints them: `spec.match[0].ports`. */

export function child(path: string, field: string): string {
  return path === '' ? field : `${path}.${field}`
}

export function at(path: string, index: number): string {
  return `${path}[${index}]`
}

export function keyed(path: string, key: string): string {
  return `${path}[${key}]`
}
