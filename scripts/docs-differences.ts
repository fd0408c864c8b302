/** Writes docs/reference/envoy-differences.md from what the conformance run knows: `node scripts/docs-differences.ts`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TABLE } from '../test/conformance/proxy-wasm/cases/index.ts'
import { DIFFERENCES } from '../test/conformance/proxy-wasm/differences.ts'

export const DIFFERENCES_PAGE = 'docs/reference/envoy-differences.md'

export function differencesPage(): string {
  const byReason = new Map<string, string[]>()
  for (const [id, { reason }] of Object.entries(DIFFERENCES))
    byReason.set(reason, [...(byReason.get(reason) ?? []), id])
  const alone = TABLE.flatMap(({ id, hostOnly }) => (hostOnly === undefined ? [] : [{ id, hostOnly }]))
  const lines = [
    '# Where extensions see something else than in Envoy',
    '',
    `The same modules run with the same configuration on Sluice and on Envoy 1.40 in ${TABLE.length} cases (test/conformance/proxy-wasm).`,
    'These are all the cases in which the two do not do the same, and why.',
    '',
    '<!-- Written by scripts/docs-differences.ts from differences.ts and the cases; do not edit. -->',
    '',
  ]
  for (const [reason, ids] of byReason) lines.push(`- ${sentence(reason)} (${ids.map((id) => `\`${id}\``).join(', ')})`)
  lines.push('', '## What cannot be tried on Envoy', '')
  for (const { id, hostOnly } of alone) lines.push(`- ${sentence(hostOnly)} (\`${id}\`)`)
  return `${lines.join('\n')}\n`
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

if (import.meta.main) {
  const path = join(dirname(fileURLToPath(import.meta.url)), '..', DIFFERENCES_PAGE)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, differencesPage())
}
