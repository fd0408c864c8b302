/** Which secrets a TLS context takes from elsewhere, and from where. */
import type { SdsSecretConfig, Secret } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import type {
  CommonTlsContext,
  DownstreamTlsContext,
} from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { fetchTimeoutMs } from '../config/fetch-timeout.ts'

/** What a secret may be, with the field that holds it. */
export const SECRET_FIELDS = {
  tlsCertificate: 'tls_certificate',
  validationContext: 'validation_context',
  sessionTicketKeys: 'session_ticket_keys',
} as const

export type SecretKind = keyof typeof SECRET_FIELDS
export type SecretOf<K extends SecretKind> = Extract<Secret['type'], { readonly case: K }>['value']

/** A file with a secret, which is read again when it is moved to, or anything in its watched directory. */
export interface SecretFile {
  readonly path: string
  readonly watchedDirectory: string | undefined
  /** Of the `sds_config`, that names it. */
  readonly field: string
}

export interface SecretNeed {
  /**
   * What finds it: the name, and for a secret from a file all that Envoy tells such secrets apart by. So one name may stand for
   * several of them.
   */
  readonly key: string
  readonly name: string
  readonly kind: SecretKind
  readonly file: SecretFile | undefined
  /** It may come later; else it stands in the bootstrap. */
  readonly dynamic: boolean
  /** Of the field that says so. */
  readonly path: string
  /** How long who needs it waits for it (`initial_fetch_timeout`); 0: for ever. */
  readonly fetchTimeoutMs: number
}

export function secretNeed({ name, sdsConfig }: SdsSecretConfig, kind: SecretKind, path: string): SecretNeed {
  const file = secretFile(sdsConfig?.configSourceSpecifier)
  const watched = file?.watchedDirectory === undefined ? '' : `, watched by ${file.watchedDirectory}`
  const key = file === undefined ? name : `${name} (${SECRET_FIELDS[kind]} in ${file.path}${watched})`
  const dynamic = sdsConfig !== undefined
  return {
    key,
    name,
    kind,
    file,
    path,
    dynamic,
    fetchTimeoutMs: fetchTimeoutMs(sdsConfig),
  }
}

type Specifier = NonNullable<SdsSecretConfig['sdsConfig']>['configSourceSpecifier']

function secretFile(specifier: Specifier | undefined): SecretFile | undefined {
  if (specifier?.case === 'path') return { path: specifier.value, watchedDirectory: undefined, field: 'path' }
  if (specifier?.case !== 'pathConfigSource') return undefined
  const { path, watchedDirectory } = specifier.value
  return { path, watchedDirectory: watchedDirectory?.path, field: 'path_config_source.path' }
}

/** Those of a server's context. `path` is where the context stands. */
export function downstreamSecretNeeds(config: DownstreamTlsContext | undefined, path: string): SecretNeed[] {
  const needs = secretNeeds(config?.commonTlsContext, `${path}.common_tls_context`)
  const keys = config?.sessionTicketKeysType
  if (keys?.case === 'sessionTicketKeysSdsSecretConfig')
    needs.push(secretNeed(keys.value, 'sessionTicketKeys', `${path}.session_ticket_keys_sds_secret_config`))
  return needs
}

export function secretNeeds(common: CommonTlsContext | undefined, path: string): SecretNeed[] {
  if (common === undefined) return []
  const needs = common.tlsCertificateSdsSecretConfigs.map((config, i) =>
    secretNeed(config, 'tlsCertificate', `${path}.tls_certificate_sds_secret_configs[${i}]`),
  )
  const { case: kind, value } = common.validationContextType
  const where = `${path}.validation_context_sds_secret_config`
  if (kind === 'validationContextSdsSecretConfig') needs.push(secretNeed(value, 'validationContext', where))
  const combined = kind === 'combinedValidationContext' ? value.validationContextSdsSecretConfig : undefined
  if (combined !== undefined)
    needs.push(
      secretNeed(
        combined,
        'validationContext',
        `${path}.combined_validation_context.validation_context_sds_secret_config`,
      ),
    )
  return needs
}
