/** `metav1.Status` failures, word for word as apimachinery's errors.go makes them: clients match on reason and print the message. */
import type { JsonObject } from './json.ts'

export interface Cause {
  reason?: string
  message?: string
  field?: string
}

export interface StatusDetails {
  name?: string
  group?: string
  kind?: string
  uid?: string
  causes?: Cause[]
  retryAfterSeconds?: number
}

/** What errors name: the plural resource with its group, and for Invalid the kind. */
export interface Named {
  readonly group: string
  readonly plural: string
  readonly kind: string
}

export class ApiError extends Error {
  readonly code: number
  readonly reason: string
  readonly details: StatusDetails | undefined

  constructor(code: number, reason: string, message: string, details?: StatusDetails) {
    super(message)
    this.code = code
    this.reason = reason
    this.details = details
  }

  get status(): JsonObject {
    const status: JsonObject = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
    }
    if (this.details !== undefined) status['details'] = this.details as JsonObject
    status['code'] = this.code
    return status
  }
}

function qualified(of: { group: string; plural: string }): string {
  return of.group === '' ? of.plural : `${of.plural}.${of.group}`
}

function details(of: Named, name: string): StatusDetails {
  return of.group === '' ? { name, kind: of.plural } : { name, group: of.group, kind: of.plural }
}

export const notFound = (of: Named, name: string) =>
  new ApiError(404, 'NotFound', `${qualified(of)} "${name}" not found`, details(of, name))

export const alreadyExists = (of: Named, name: string) =>
  new ApiError(409, 'AlreadyExists', `${qualified(of)} "${name}" already exists`, details(of, name))

const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again'

export const conflict = (of: Named, name: string, why: string = MODIFIED) =>
  new ApiError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(of)} "${name}": ${why}`,
    details(of, name),
  )

export const forbidden = (of: Named, name: string, why: string, causes?: Cause[]) =>
  new ApiError(403, 'Forbidden', `${qualified(of)} "${name}" is forbidden: ${why}`, {
    ...details(of, name),
    ...(causes === undefined ? {} : { causes }),
  })

export const badRequest = (message: string) => new ApiError(400, 'BadRequest', message)

/** A path that leads nowhere; kubectl recognises the sentence. */
export const noSuchPath = () => new ApiError(404, 'NotFound', 'the server could not find the requested resource', {})

export const methodNotAllowed = (of: Named, verb: string) =>
  new ApiError(405, 'MethodNotAllowed', `${verb} is not supported on resources of kind "${qualified(of)}"`, {
    ...(of.group === '' ? {} : { group: of.group }),
    kind: of.plural,
  })

export const notAcceptable = () =>
  new ApiError(406, 'NotAcceptable', 'only the following media types are accepted: application/json, application/yaml')

export const unsupportedMediaType = (accepted: readonly string[]) =>
  new ApiError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  )

export const tooLarge = (limit: number) =>
  new ApiError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${limit}`)

export const expired = (message: string) => new ApiError(410, 'Expired', message)

export const unauthorized = () => new ApiError(401, 'Unauthorized', 'Unauthorized')

export const internal = (message: string) =>
  new ApiError(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] })

/** storage.NewTooLargeResourceVersionError: reflectors fall back to a fresh list on the cause. */
export const tooLargeResourceVersion = (asked: number, current: number) =>
  new ApiError(504, 'Timeout', `Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  })

/** One finding about a field; `message` is without the field's path, as `field.Error.ErrorBody()`. */
export interface FieldError {
  field: string
  reason: string
  message: string
}

export function invalid(of: Named, name: string, errors: readonly FieldError[]): ApiError {
  const kind = of.group === '' ? of.kind : `${of.kind}.${of.group}`
  const lines = [...new Set(errors.map((e) => `${e.field}: ${e.message}`))]
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`
  return new ApiError(422, 'Invalid', `${kind} "${name}" is invalid: ${text}`, {
    name,
    ...(of.group === '' ? {} : { group: of.group }),
    kind: of.kind,
    causes: errors.map((e) => ({ reason: e.reason, message: e.message, field: e.field })),
  })
}

export const required = (field: string, why = ''): FieldError => ({
  field,
  reason: 'FieldValueRequired',
  message: why === '' ? 'Required value' : `Required value: ${why}`,
})

export const invalidValue = (field: string, value: unknown, why: string): FieldError => ({
  field,
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${show(value)}: ${why}`,
})

export const notSupported = (field: string, value: unknown, allowed: readonly string[]): FieldError => ({
  field,
  reason: 'FieldValueNotSupported',
  message: `Unsupported value: ${show(value)}: supported values: ${allowed.map((a) => `"${a}"`).join(', ')}`,
})

export const forbiddenField = (field: string, why: string): FieldError => ({
  field,
  reason: 'FieldValueForbidden',
  message: `Forbidden: ${why}`,
})

export const duplicate = (field: string, value: unknown): FieldError => ({
  field,
  reason: 'FieldValueDuplicate',
  message: `Duplicate value: ${show(value)}`,
})

function show(value: unknown): string {
  return value === undefined ? 'null' : JSON.stringify(value)
}
