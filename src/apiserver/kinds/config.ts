/** ConfigMap, Secret, ServiceAccount. */

import { at, deepEqual, isObject, textAt } from '../json.ts'
import type { ApiObject } from '../object.ts'
import { duplicate, type FieldError, forbiddenField, invalidValue } from '../status.ts'
import { AGE, column, NAME } from '../table/columns.ts'
import { builtin } from './builtin.ts'

const KEY = /^[-._a-zA-Z0-9]{1,253}$/
/** validation.TotalAnnotationSizeLimit's neighbour MaxSecretSize; both kinds share it. */
const MAX_SIZE = 1024 * 1024

function size(value: unknown): number {
  return isObject(value) ? Object.keys(value).length : 0
}

function validateKeys(object: ApiObject, fields: readonly string[]): FieldError[] {
  const errors: FieldError[] = []
  let total = 0
  for (const field of fields) {
    for (const [key, value] of Object.entries((object[field] ?? {}) as Record<string, string>)) {
      total += value.length
      if (!KEY.test(key) || key === '.' || key.startsWith('..')) {
        errors.push(
          invalidValue(
            `${field}[${key}]`,
            key,
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
          ),
        )
      }
    }
  }
  if (total > MAX_SIZE)
    errors.push({ field: '', reason: 'FieldValueTooLong', message: `Too long: may not be more than ${MAX_SIZE} bytes` })
  return errors
}

function validateImmutable(object: ApiObject, old: ApiObject | undefined, fields: readonly string[]): FieldError[] {
  if (old?.['immutable'] !== true) return []
  const errors: FieldError[] = []
  if (object['immutable'] !== true)
    errors.push(forbiddenField('immutable', 'field is immutable when `immutable` is set'))
  for (const field of fields) {
    if (!deepEqual(object[field] ?? {}, old[field] ?? {})) {
      errors.push(forbiddenField(field, 'field is immutable when `immutable` is set'))
    }
  }
  return errors
}

function validateBase64(object: ApiObject, field: string): FieldError[] {
  const errors: FieldError[] = []
  for (const [key, value] of Object.entries((object[field] ?? {}) as Record<string, string>)) {
    if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value)) {
      errors.push(invalidValue(`${field}[${key}]`, value, 'illegal base64 data'))
    }
  }
  return errors
}

export const configMapKind = builtin({
  plural: 'configmaps',
  kind: 'ConfigMap',
  message: 'core.v1.ConfigMap',
  shortNames: ['cm'],
  columns: [NAME, column('Data', (o) => size(o['data']) + size(o['binaryData']), { type: 'string' }), AGE],
  behaviour: {
    validate(object, old) {
      const errors = validateKeys(object, ['data', 'binaryData'])
      for (const key of Object.keys(object['data'] ?? {})) {
        if (Object.hasOwn(object['binaryData'] ?? {}, key)) errors.push(duplicate(`data[${key}]`, key))
      }
      errors.push(...validateBase64(object, 'binaryData'), ...validateImmutable(object, old, ['data', 'binaryData']))
      return errors
    },
  },
})

/** What each typed secret must hold (core validation.ValidateSecret). */
const SECRET_KEYS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
}

export const secretKind = builtin({
  plural: 'secrets',
  kind: 'Secret',
  message: 'core.v1.Secret',
  columns: [
    NAME,
    column('Type', (o) => textAt(o, 'type')),
    column('Data', (o) => size(o['data']), { type: 'string' }),
    AGE,
  ],
  selectableFields: ['type'],
  behaviour: {
    prepare(object) {
      const text = object['stringData'] as Record<string, string> | undefined
      if (text !== undefined) {
        const data: Record<string, string> = { ...object['data'] }
        for (const [key, value] of Object.entries(text)) data[key] = Buffer.from(value).toString('base64')
        object['data'] = data
        delete object['stringData']
      }
      object['type'] ??= 'Opaque'
    },
    validate(object, old) {
      const errors = validateKeys(object, ['data'])
      errors.push(...validateBase64(object, 'data'), ...validateImmutable(object, old, ['data']))
      if (old !== undefined && old['type'] !== object['type']) {
        errors.push(invalidValue('type', object['type'], 'field is immutable'))
      }
      for (const key of SECRET_KEYS[object['type']] ?? []) {
        if (at(object, 'data', key) === undefined) {
          errors.push({ field: `data[${key}]`, reason: 'FieldValueRequired', message: 'Required value' })
        }
      }
      return errors
    },
  },
})

export const serviceAccountKind = builtin({
  plural: 'serviceaccounts',
  kind: 'ServiceAccount',
  message: 'core.v1.ServiceAccount',
  shortNames: ['sa'],
  columns: [
    NAME,
    column('Secrets', (o) => ((o['secrets'] as unknown[] | undefined) ?? []).length, { type: 'string' }),
    AGE,
  ],
})
