/** What `validate_mutations` looks at. */
import { isToken } from '../../http1/header-names.ts'
import type { Verdict } from './verdict.ts'

/** What a field's value may hold (RFC 9110 5.5). */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
/** What Envoy calls URL-encoded: nothing that would have to be, and no `%` either. */
const PARAMETER = /^[A-Za-z0-9*._-]*$/

/** Of a request that is allowed. */
export function isHeedable({ request, response, setParameters }: Verdict): boolean {
  return (
    [...request, ...response].every(({ name, value }) => isValid(name, value)) &&
    setParameters.every(([name, value]) => PARAMETER.test(name) && PARAMETER.test(value))
  )
}

/** Of a request that is denied: what the service wants its answer to say. */
export function allValid(pairs: Verdict['reply']): boolean {
  return pairs.every(([name, value]) => isValid(name, value))
}

/** Envoy lets the fields pass that HTTP/2 has for the parts of a first line; what cannot be one is dropped later. */
function isValid(name: string, value: string): boolean {
  return (isToken(name) || /^:[a-z]+$/.test(name)) && VALUE.test(value)
}
