/** docs/reference/proxy.md names each operator of access logs that Envoy takes and we refuse, and no other. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { textFormat } from '../../../src/proxy/http/substitution.ts'
import type { Case } from '../../parity/case.ts'
import { bootstrapOf } from '../../parity/config.ts'
import { startEnvoy } from '../../parity/proxies.ts'
import { envoy } from '../../peers/index.ts'
import { refusals } from '../refusals.ts'
import { adminOf, byDiscovery } from './compare.ts'

const peer = await envoy()

/** What names of operators begin with. */
const FAMILIES =
  /^(ACCESS|BYTES|CEL|CLUSTER|COALESCE|COMMON|CONNECTION|CUSTOM|DOWNSTREAM|DURATION|DYNAMIC|EMIT|ENVIRONMENT|FILTER|GRPC|HOSTNAME|LOCAL|METADATA|PATH|PROTOCOL|QUERY|REQ|RESP|ROUNDTRIP|ROUTE|SPAN|START|STREAM|TLS|TRACE|TRAILER|UNIQUE|UPSTREAM|VIRTUAL)/
/** Some want an argument, and some of them one of their own. */
const ARGUMENTS = ['', '(a)', '(DOWNSTREAM:a)', '(DS_RX_BEG:DS_RX_END)', '({"operators":["PROTOCOL"]})']

test('the page of the proxy names the operators that are refused', { skip: peer.skip }, async () => {
  const names = candidates(readFileSync(peer.path).latin1Slice())
  assert.ok(names.length > 200, `${names.length} words of Envoy's program may be operators`)
  const formats = names.flatMap((name) => ARGUMENTS.map((argument) => ({ name, format: `%${name}${argument}%` })))
  const theirs = await takenByEnvoy(formats.map(({ format }) => format))
  const taken = (by: ReadonlySet<string>) =>
    new Set(formats.flatMap(({ name, format }) => (by.has(format) ? [name] : [])))
  const ours = taken(new Set(formats.map(({ format }) => format).filter(isTakenHere)))
  const refused = [...taken(theirs)].filter((name) => !ours.has(name))
  const page = documented()
  assert.deepEqual(
    refused.filter((name) => !page.some((pattern) => pattern.test(name))),
    [],
    'refused, and not on the page',
  )
  assert.deepEqual(
    page.filter((pattern) => !refused.some((name) => pattern.test(name))),
    [],
    'on the page, and of no operator that is refused',
  )
  assert.deepEqual(
    [...ours].filter((name) => page.some((pattern) => pattern.test(name))),
    [],
    'on the page, and taken',
  )
})

function candidates(program: string): string[] {
  const words = [...program.matchAll(/\0([A-Z][A-Z0-9_]{2,60})(?=\0)/g)].map(([, word]) => word)
  // Which the compiler has put into instructions.
  return [...new Set([...words, 'CEL'])].filter((word) => FAMILIES.test(word))
}

async function takenByEnvoy(formats: readonly string[]): Promise<ReadonlySet<string>> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-operators-page-'))
  try {
    const places = { logDir: dir, modules: '', ports: new Map<string, number[]>() }
    const cases = formats.map((log, i): Case => ({ id: `format.${i}`, what: '', steps: [], log }))
    const proxy = await startEnvoy(peer.path, byDiscovery(bootstrapOf(cases, places), join(dir, 'listeners.json')), dir)
    const refused = await refusals(adminOf(proxy)).finally(() => proxy.stop())
    return new Set(formats.filter((_, i) => !refused.has(`format.${i}`)))
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

function isTakenHere(format: string): boolean {
  try {
    textFormat(format, 'log')
    return true
  } catch {
    return false
  }
}

/** Names, and what they begin with, contain or end in. */
function documented(): RegExp[] {
  const page = readFileSync(new URL('../../../docs/reference/proxy.md', import.meta.url), 'utf8')
  const paragraph = /Access logs have Envoy's operators, but for ([\s\S]*?): they are refused/.exec(page)?.[1] ?? ''
  const parts = paragraph.split(/and those that begin in|contain|or end in/)
  assert.equal(parts.length, 4, 'the paragraph is written in another way')
  const [names, begins, contains, ends] = parts.map((part) => [...part.matchAll(/`(\w+)`/g)].map(([, word]) => word))
  return [
    ...names.map((word) => new RegExp(`^${word}$`)),
    ...begins.map((word) => new RegExp(`^${word}`)),
    ...contains.map((word) => new RegExp(word)),
    ...ends.map((word) => new RegExp(`${word}$`)),
  ]
}
