/** CEL words that a field name must not be (apiserver/pkg/cel/escaping.go). */
const RESERVED = new Set(
  (
    'true false null in as break const continue else for function if import let loop package namespace return var void ' +
    'while'
  ).split(' '),
)

/** `__dash__` and so on; undefined where a name cannot be written in CEL at all. */
export function escapeName(name: string): string | undefined {
  if (RESERVED.has(name)) return `__${name}__`
  const escaped = name
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__')
  return /^[A-Za-z_]\w*$/.test(escaped) ? escaped : undefined
}
