import type { FieldError } from '../schema/field-error.ts'
import { admitEnvoyFilter } from './envoy-filter.ts'
import { admitTrafficExtension, admitWasmPlugin } from './extensions.ts'
import { Findings, fields } from './findings.ts'
import { admitIstioGateway } from './istio-gateway.ts'
import { admitVirtualService } from './virtual-service.ts'

type Rules = (spec: Readonly<Record<string, unknown>>, found: Findings, name: string) => void

const RULES: Readonly<Record<string, Rules>> = {
  'extensions.istio.io/WasmPlugin': admitWasmPlugin,
  'extensions.istio.io/TrafficExtension': admitTrafficExtension,
  'networking.istio.io/EnvoyFilter': admitEnvoyFilter,
  'networking.istio.io/Gateway': admitIstioGateway,
  'networking.istio.io/VirtualService': admitVirtualService,
}

export interface Admission {
  readonly errors: FieldError[]
  readonly warnings: string[]
}

/**
 * What Istio's validating webhook says to an object that has passed its schema (istio/pkg/config/validation), in its words; and, as
 * warnings, what Istio lets pass that cannot work.
 */
export function admit(object: { apiVersion: string; kind: string; metadata: { name?: string } }): Admission {
  const group = object.apiVersion.includes('/') ? object.apiVersion.slice(0, object.apiVersion.indexOf('/')) : ''
  const found = new Findings()
  const name = `${group}/${object.kind}`
  if (Object.hasOwn(RULES, name)) {
    RULES[name](fields(fields(object)['spec']), found, object.metadata.name ?? '')
  }
  return { errors: found.errors, warnings: found.warnings }
}
