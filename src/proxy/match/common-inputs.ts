/** Inputs of trees that stand in more than one place. */
import type { Config as EnvironmentVariable } from '../../../gen/envoy/extensions/matching/common_inputs/environment_variable/v3/input_pb.ts'
import type { FilterStateInput } from '../../../gen/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb.ts'
import type { HttpRequestHeaderMatchInput } from '../../../gen/envoy/type/matcher/v3/http_inputs_pb.ts'
import { byteString } from '../../base/byte-string.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { invalid } from '../config/fields.ts'
import { headerValue } from './header.ts'

/** The variable of this process, read once. */
export function environmentInput({ name }: EnvironmentVariable, path: string): () => string | undefined {
  if (name === '') throw invalid(`${path}.name`, 'is missing')
  const value = process.env[name]
  const bytes = value === undefined ? undefined : byteString(value)
  return () => bytes
}

/** A header of the request, the values of a repeated one in one. As in Envoy one without a name is taken, and is never there. */
export function headerInput({ headerName }: HttpRequestHeaderMatchInput): (headers: HeaderMap) => string | undefined {
  const told = headerName.toLowerCase()
  const name = told === 'host' ? ':authority' : told
  return (headers) => headerValue(headers, name)
}

/** What a filter has left under the key. */
export function filterStateInput(
  { key }: FilterStateInput,
  path: string,
): (state: ReadonlyMap<string, Buffer> | undefined) => string | undefined {
  if (key === '') throw invalid(`${path}.key`, 'is missing')
  return (state) => state?.get(key)?.latin1Slice()
}
