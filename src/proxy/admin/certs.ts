import { X509Certificate } from 'node:crypto'
import type { DataSource } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import type { Listener } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import type { CommonTlsContext } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { tlsContexts } from '../cluster/transport.ts'
import { dataSource } from '../config/data-source.ts'
import { listenerPath, transportSocket } from '../listener/compile-listener.ts'
import type { ConfigManager } from '../main/config-manager.ts'
import { downstreamSecretNeeds, type SecretNeed, secretNeeds } from '../tls/secret-need.ts'
import { altNames, findSecret, type SecretSource } from '../tls/secrets.ts'

/** A TLS context with what it needs, and where it stands. */
type Context = readonly [common: CommonTlsContext | undefined, needs: readonly SecretNeed[], path: string]

/**
 * `/certs`, Envoy's `admin.v3.Certificates`: of each TLS context of listeners and clusters whose secrets are there the certificates that it
 * shows and the authorities that it trusts, and for how long they are valid. As in Envoy, a chain is told by its first alone.
 */
export function certs(config: ConfigManager): unknown {
  const secrets: SecretSource = { find: (key) => config.secrets.get(key)?.proto }
  const ofListeners = [...config.listeners.values()].flatMap(({ active }) =>
    active === undefined ? [] : chainContexts(active.proto),
  )
  const ofClusters = [...config.clusters.values()].flatMap(({ proto }) =>
    tlsContexts(proto).map(([{ commonTlsContext: common }, path]): Context => {
      const where = `${path}.common_tls_context`
      return [common, secretNeeds(common, where), where]
    }),
  )
  const complete = [...ofListeners, ...ofClusters].filter(([, needs]) =>
    needs.every(({ key }) => secrets.find(key) !== undefined),
  )
  return {
    certificates: complete.map(([common, , path]) => ({
      ca_cert: [authority(common, secrets, path)].flatMap((source) => read(source, path)),
      cert_chain: chains(common, secrets, path).flatMap((source) => read(source, path).slice(0, 1)),
    })),
  }
}

function chainContexts(listener: Listener): Context[] {
  const { filterChains, defaultFilterChain } = listener
  const chains = defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain]
  return chains.flatMap((chain): Context[] => {
    const path = listenerPath(listener)
    const socket = transportSocket(chain, path)
    return socket === undefined ? [] : [[socket.commonTlsContext, downstreamSecretNeeds(socket, path), path]]
  })
}

type Source = DataSource | undefined

function chains(common: CommonTlsContext | undefined, secrets: SecretSource, path: string): Source[] {
  if (common === undefined) return []
  const { tlsCertificates: own, tlsCertificateSdsSecretConfigs: named } = common
  const found = named.map((one) => findSecret(one, 'tlsCertificate', secrets, path))
  return [...own, ...found].map(({ certificateChain }) => certificateChain)
}

/** In a combined context, what the secret has comes before the default. */
function authority(common: CommonTlsContext | undefined, secrets: SecretSource, path: string): Source {
  const kind = common?.validationContextType
  switch (kind?.case) {
    case 'validationContext':
      return kind.value.trustedCa
    case 'validationContextSdsSecretConfig':
      return findSecret(kind.value, 'validationContext', secrets, path).trustedCa
    case 'combinedValidationContext': {
      const { defaultValidationContext: own, validationContextSdsSecretConfig: sds } = kind.value
      const found = sds === undefined ? undefined : findSecret(sds, 'validationContext', secrets, path)
      return found?.trustedCa ?? own?.trustedCa
    }
    default:
      return undefined
  }
}

const PEM = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g

function read(source: Source, path: string): unknown[] {
  if (source === undefined) return []
  const { case: kind, value } = source.specifier
  const from = kind === 'filename' ? value : '<inline>'
  return (dataSource(source, path).toString().match(PEM) ?? []).map((pem) => details(new X509Certificate(pem), from))
}

function details(certificate: X509Certificate, path: string): unknown {
  const until = Date.parse(certificate.validTo)
  return {
    path,
    serial_number: certificate.serialNumber.toLowerCase(),
    subject_alt_names: subjectNames(certificate.subjectAltName ?? ''),
    days_until_expiration: String(Math.max(0, Math.floor((until - Date.now()) / 86_400_000))),
    valid_from: timestamp(Date.parse(certificate.validFrom)),
    expiration_time: timestamp(until),
  }
}

/** The kinds of names that Envoy tells, in its order. */
const NAME_FIELDS = [
  ['DNS', 'dns'],
  ['URI', 'uri'],
  ['IP Address', 'ip_address'],
] as const

function subjectNames(text: string): unknown[] {
  const names = altNames(text)
  return NAME_FIELDS.flatMap(([kind, field]) =>
    names.filter(([of]) => of === kind).map(([, value]) => ({ [field]: value })),
  )
}

/** As protobuf writes a time of whole seconds. */
function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z')
}
