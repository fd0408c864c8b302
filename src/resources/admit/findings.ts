import type { FieldError } from '../schema/field-error.ts'

/** What a webhook found in one object, with the fields it looked at. */
export class Findings {
  readonly errors: FieldError[] = []
  readonly warnings: string[] = []

  error(field: string, message: string): void {
    this.errors.push({ field, reason: 'FieldValueInvalid', message })
  }

  warn(message: string): void {
    this.warnings.push(message)
  }
}

/** The value as an object to look into; what has another type was refused by the schema already. */
export function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

export function bytes(value: string): number {
  return Buffer.byteLength(value)
}
