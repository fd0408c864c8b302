import { TypeUrl } from '../../../src/xds/index.ts'
import type { Kind } from './trial.ts'

export const TYPES: Readonly<Record<Kind, string>> = {
  cds: TypeUrl.cluster,
  eds: TypeUrl.endpoint,
  lds: TypeUrl.listener,
  rds: TypeUrl.route,
  sds: TypeUrl.secret,
  ecds: TypeUrl.extension,
}

export const KINDS = Object.keys(TYPES) as Kind[]

/** Whose responses are the whole state. */
export const WHOLE: ReadonlySet<Kind> = new Set<Kind>(['cds', 'lds'])
