/** The query parameters of reads and writes. */
import { ApiError, badRequest, type FieldError, invalid, notSupported, required } from '../status.ts'

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore'

export interface WriteOptions {
  readonly dryRun: boolean
  readonly fieldManager: string
  readonly fieldValidation: FieldValidation
  /** Server-side apply: take fields from other managers. */
  readonly force: boolean
}

/** Absent is false; `false` and `0` too; anything else is true (Python sends `True`). */
export function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name)
  return value !== null && value.toLowerCase() !== 'false' && value !== '0'
}

const OPTIONS = { group: 'meta.k8s.io', plural: '', kind: '' }

export function writeOptions(
  query: URLSearchParams,
  kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions' | 'DeleteOptions',
  userAgent: string,
  apply = false,
): WriteOptions {
  const errors: FieldError[] = []
  const validation = query.get('fieldValidation') || 'Warn'
  if (validation !== 'Strict' && validation !== 'Warn' && validation !== 'Ignore') {
    errors.push(notSupported('fieldValidation', validation, ['', 'Ignore', 'Strict', 'Warn']))
  }
  const manager = query.get('fieldManager') ?? ''
  if (manager.length > 128)
    errors.push({
      field: 'fieldManager',
      reason: 'FieldValueTooLong',
      message: 'Too long: may not be more than 128 bytes',
    })
  if (apply && manager === '') errors.push(required('fieldManager', 'is required for apply patch'))
  if (!apply && query.has('force') && kind === 'PatchOptions') {
    errors.push({
      field: 'force',
      reason: 'FieldValueForbidden',
      message: 'Forbidden: may not be specified for non-apply patch',
    })
  }
  const dryRun = checkDryRun(query.getAll('dryRun'), errors)
  if (errors.length > 0) throw invalid({ ...OPTIONS, kind }, '', errors)
  return {
    dryRun,
    fieldManager: manager !== '' ? manager : managerOf(userAgent),
    fieldValidation: validation as FieldValidation,
    force: flag(query, 'force'),
  }
}

export function checkDryRun(values: readonly string[], errors: FieldError[]): boolean {
  const given = values.filter((value) => value !== '')
  for (const value of given) if (value !== 'All') errors.push(notSupported('dryRun', value, ['All']))
  return given.includes('All')
}

/** Without a fieldManager the user agent up to the slash names it (managedfields.ManagerOrUserAgent). */
function managerOf(userAgent: string): string {
  const name = userAgent.split('/')[0].slice(0, 128)
  return name === '' ? 'unknown' : name
}

export function nonNegative(query: URLSearchParams, name: string): number {
  const value = query.get(name)
  if (value === null || value === '') return 0
  if (!/^\d+$/.test(value)) throw badRequest(`${name}: Invalid value: "${value}": must be a non-negative integer`)
  return Number(value)
}

export function versionParameter(query: URLSearchParams): number | undefined {
  const value = query.get('resourceVersion')
  if (value === null || value === '') return undefined
  if (!/^\d+$/.test(value))
    throw new ApiError(
      400,
      'BadRequest',
      `Invalid value: "${value}": strconv.ParseUint: parsing "${value}": invalid syntax`,
    )
  return Number(value)
}
