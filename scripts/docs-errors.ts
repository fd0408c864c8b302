/** Writes docs/troubleshooting.md from the error table: `node scripts/docs-errors.ts`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ERRORS, type ErrorEntry } from '../src/errors.ts'

const CHAPTERS: Readonly<Record<string, string>> = {
  SL1: 'Kubernetes API and resources',
  SL2: 'Control plane and xDS',
  SL3: 'Module supply',
  SL4: 'Wasm host',
  SL5: 'Proxy',
  SL6: 'Command line, standalone and pods',
}

const WHO: Readonly<Record<ErrorEntry['source'], string>> = {
  config: 'the configuration',
  extension: 'the extension',
  downstream: 'the client',
  upstream: 'the upstream service',
  environment: 'the machine',
  internal: 'Sluice itself (please report it)',
}

export const TROUBLESHOOTING = 'docs/troubleshooting.md'

export function troubleshooting(): string {
  const lines = [
    '# Troubleshooting by error code',
    '',
    'Each error that Sluice reports carries a code. A code never changes its meaning and is never used again.',
    '',
    '<!-- Written by scripts/docs-errors.ts from src/errors.ts; do not edit. -->',
  ]
  for (const [prefix, title] of Object.entries(CHAPTERS)) {
    const entries = Object.entries(ERRORS)
      .filter(([code]) => code.startsWith(prefix))
      .sort(([a], [b]) => a.localeCompare(b))
    if (entries.length === 0) continue
    lines.push('', `## ${title}`)
    for (const [code, entry] of entries) {
      lines.push(
        '',
        `### ${code}: ${entry.title}`,
        '',
        `- Lies with: ${WHO[entry.source]}.`,
        `- What to do: ${entry.hint}.`,
      )
    }
  }
  return `${lines.join('\n')}\n`
}

if (import.meta.main) {
  const root = join(dirname(fileURLToPath(import.meta.url)), '..')
  const path = join(root, TROUBLESHOOTING)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, troubleshooting())
}
