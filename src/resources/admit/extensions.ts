import { bytes, type Findings, fields, text } from './findings.ts'
import { checkMatch } from './match.ts'
import { checkAttachment } from './selector.ts'
import { checkWasm } from './wasm.ts'

const MAX_LUA = 65_536

/** ValidateWasmPlugin. */
export function admitWasmPlugin(spec: Readonly<Record<string, unknown>>, found: Findings): void {
  checkPriority(spec, found)
  checkAttachment(spec, found)
  checkWasm(spec, 'spec', '255', found)
  checkMatch(spec, found)
  warnOfNetworkPhase(spec, spec['type'], found)
}

/** ValidateTrafficExtension. */
export function admitTrafficExtension(spec: Readonly<Record<string, unknown>>, found: Findings): void {
  checkPriority(spec, found)
  checkAttachment(spec, found)
  checkMatch(spec, found)
  const { wasm, lua } = spec
  if ((wasm == null) === (lua == null)) found.error('spec', 'exactly one of wasm or lua must be set')
  if (wasm != null) {
    checkWasm(fields(wasm), 'spec.wasm', '256', found)
    warnOfNetworkPhase(spec, fields(wasm)['type'], found)
  }
  if (lua != null) checkLua(text(fields(lua)['inlineCode']), found)
}

/** The schema's `int32` is only a remark; Istio fails to decode what does not fit. */
function checkPriority(spec: Readonly<Record<string, unknown>>, found: Findings): void {
  const { priority } = spec
  if (typeof priority !== 'number' || (priority >= -(2 ** 31) && priority < 2 ** 31)) return
  found.error('spec.priority', `invalid value for int32 field priority: ${priority}`)
}

function checkLua(code: string, found: Findings): void {
  if (code === '') found.error('spec.lua.inlineCode', 'lua.inlineCode cannot be empty')
  if (bytes(code) > MAX_LUA) found.error('spec.lua.inlineCode', 'lua.inlineCode exceeds maximum size of 64KB')
}

/** Network filter chains have authorization, but neither request authentication nor anything of HTTP to be ordered by. */
function warnOfNetworkPhase(spec: Readonly<Record<string, unknown>>, type: unknown, found: Findings): void {
  if (type !== 'NETWORK' || spec['phase'] !== 'AUTHN') return
  found.warn(
    'spec.phase: in network filter chains AUTHN comes right before AUTHZ; there is no authentication between them',
  )
}
