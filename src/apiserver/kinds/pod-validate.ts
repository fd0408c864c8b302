import type { JsonObject } from '../json.ts'
import { duplicate, type FieldError, invalidValue, notSupported, required } from '../status.ts'

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const LABEL_RULE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"

/** The rules a local runtime depends on (core validation.ValidatePodSpec). */
export function validatePodSpec(spec: JsonObject | undefined, path: string): FieldError[] {
  const errors: FieldError[] = []
  const list = (spec?.['containers'] as JsonObject[] | undefined) ?? []
  if (list.length === 0) errors.push(required(`${path}.containers`))
  const names = new Set<unknown>()
  const volumes = new Set(((spec?.['volumes'] as JsonObject[] | undefined) ?? []).map((volume) => volume['name']))
  const init = (spec?.['initContainers'] as JsonObject[] | undefined) ?? []
  for (const [field, containers] of [
    ['initContainers', init],
    ['containers', list],
  ] as const) {
    containers.forEach((container, i) => {
      const here = `${path}.${field}[${i}]`
      const name = container['name']
      if (!name) errors.push(required(`${here}.name`))
      else if (!LABEL.test(String(name)) || String(name).length > 63)
        errors.push(invalidValue(`${here}.name`, name, LABEL_RULE))
      else if (names.has(name)) errors.push(duplicate(`${here}.name`, name))
      names.add(name)
      if (!container['image']) errors.push(required(`${here}.image`))
      errors.push(...validateMounts(container, volumes, here), ...validatePorts(container, here))
    })
  }
  const restart = spec?.['restartPolicy']
  const policies = ['Always', 'Never', 'OnFailure']
  if (restart !== undefined && !policies.includes(String(restart))) {
    errors.push(notSupported(`${path}.restartPolicy`, restart, policies))
  }
  return errors
}

function validateMounts(container: JsonObject, volumes: Set<unknown>, path: string): FieldError[] {
  const errors: FieldError[] = []
  ;((container['volumeMounts'] as JsonObject[] | undefined) ?? []).forEach((mount, i) => {
    const here = `${path}.volumeMounts[${i}]`
    if (!mount['mountPath']) errors.push(required(`${here}.mountPath`))
    if (!volumes.has(mount['name'])) {
      errors.push({
        field: `${here}.name`,
        reason: 'FieldValueNotFound',
        message: `Not found: ${JSON.stringify(mount['name'])}`,
      })
    }
  })
  return errors
}

function validatePorts(container: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = []
  ;((container['ports'] as JsonObject[] | undefined) ?? []).forEach((port, i) => {
    const number = Number(port['containerPort'] ?? 0)
    if (number === 0) errors.push(required(`${path}.ports[${i}].containerPort`))
    else if (number < 1 || number > 65535) {
      errors.push(invalidValue(`${path}.ports[${i}].containerPort`, number, 'must be between 1 and 65535, inclusive'))
    }
  })
  return errors
}
