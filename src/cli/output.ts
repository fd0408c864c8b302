import { stringify } from 'yaml'
import { UsageError } from './command.ts'

/** YAML as kubectl prints it: block style, no line folding, keys in the order given. */
export function toYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false })
}

/** Prints an object for `-o yaml` or `-o json`. */
export function printAs(format: string, value: unknown): void {
  if (format === 'yaml') process.stdout.write(toYaml(value))
  else if (format === 'json') console.log(JSON.stringify(value, null, 4))
  else throw new UsageError(`-o takes yaml, json, name or wide, not «${format}»`)
}

/** Columns padded to their widest cell, three spaces apart, as kubectl prints tables. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    for (let i = 0; i < row.length; i++) widths[i] = Math.max(widths[i] ?? 0, row[i].length)
  }
  const line = (row: readonly string[]) => row.map((cell, i) => cell.padEnd(widths[i])).join('   ')
  return rows.map((row) => line(row).trimEnd()).join('\n')
}
