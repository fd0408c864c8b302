import { type Findings, fields, list } from './findings.ts'

/** `spec.match` of an extension. The capital letters are Istio's. */
export function checkMatch(spec: Readonly<Record<string, unknown>>, found: Findings): void {
  list(spec['match']).forEach((entry, i) => {
    if (entry === null) {
      found.error(`spec.match[${i}]`, `spec.Match[${i}] is nil`)
      return
    }
    list(fields(entry)['ports']).forEach((port, j) => {
      const field = `spec.match[${i}].ports[${j}]`
      if (port === null) {
        found.error(field, `spec.Match[${i}].Ports[${j}] is nil`)
        return
      }
      const number = Number(fields(port)['number'] ?? 0)
      if (number <= 0 || number > 65535) {
        found.error(field, `spec.Match[${i}].Ports[${j}] is out of range: ${number}`)
      }
    })
  })
}
