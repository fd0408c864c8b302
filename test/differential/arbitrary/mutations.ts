import fc from 'fast-check'
import { fields, format, headerValue, on, seldomOdd, some } from './words.ts'

const ACTIONS = ['APPEND_IF_EXISTS_OR_ADD', 'ADD_IF_ABSENT', 'OVERWRITE_IF_EXISTS_OR_ADD', 'OVERWRITE_IF_EXISTS']

function added(names: readonly string[]) {
  return fields(
    fc.record({ header: fc.record({ key: fc.constantFrom(...names), value: fc.oneof(format, headerValue) }) }),
    some({ append_action: fc.constantFrom(...ACTIONS), keep_empty_value: on }),
  )
}

const REQUEST = [
  'x-a',
  'x-b',
  'X-C',
  'x-dup',
  'x-new',
  'user-agent',
  'cookie',
  'x-forwarded-proto',
  'x-request-id',
  'via',
]
const RESPONSE = [
  'x-reply',
  'x-new',
  'X-Other',
  'server',
  'content-type',
  'set-cookie',
  'location',
  'date',
  'via',
  'x-up',
]
/** Refused by name. */
const FOREIGN = ['Host', ':path', 'x y']

const add = (names: readonly string[]) =>
  seldomOdd(
    fc.array(added(names), { minLength: 1, maxLength: 3 }),
    fc.array(added(FOREIGN), { minLength: 1, maxLength: 1 }),
  )
const remove = (names: readonly string[]) =>
  fc.array(
    seldomOdd(fc.constantFrom(...names, 'X-A', 'x-envoy-upstream-service-time'), fc.constantFrom('host', ':path', '')),
    {
      minLength: 1,
      maxLength: 2,
    },
  )

/** What virtual hosts, routes and clusters of routes do to headers. */
const mutations = some({
  request_headers_to_add: add(REQUEST),
  request_headers_to_remove: remove(REQUEST),
  response_headers_to_add: add(RESPONSE),
  response_headers_to_remove: remove(RESPONSE),
})

export const addedToReply = add(RESPONSE)
/** Most places have none. */
export const seldomMutations = fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 2, arbitrary: mutations })
