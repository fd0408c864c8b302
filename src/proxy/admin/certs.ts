import { X509Certificate } from 'node:crypto'
import type { Listener } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { transportSocket } from '../listener/compile-listener.ts'
import type { ConfigManager } from '../main/config-manager.ts'
import { downstreamSecretNeeds } from '../tls/secret-need.ts'
import { certificatePem } from '../tls/secrets.ts'

/** `/certs`: the certificates that listeners serve with, and for how long they are valid. */
export function certs(config: ConfigManager): unknown {
  const secrets = { find: (key: string) => config.secrets.get(key)?.proto }
  const list = [...config.listeners.values()].flatMap(({ active }) =>
    active === undefined ? [] : chainCertificates(active.proto, secrets),
  )
  return { certificates: list.map((certificate) => ({ cert_chain: [describe(certificate)] })) }
}

function chainCertificates(listener: Listener, secrets: Parameters<typeof certificatePem>[1]): X509Certificate[] {
  const { filterChains, defaultFilterChain } = listener
  const chains = defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain]
  return chains.flatMap((chain) => {
    const socket = transportSocket(chain, listener.name)
    const absent = downstreamSecretNeeds(socket, listener.name).some(({ key }) => secrets.find(key) === undefined)
    if (absent) return []
    const context = socket?.commonTlsContext
    return (certificatePem(context, secrets, listener.name)?.cert ?? []).map((pem) => new X509Certificate(pem))
  })
}

function describe(certificate: X509Certificate): unknown {
  const until = Date.parse(certificate.validTo)
  return {
    serial_number: certificate.serialNumber.toLowerCase(),
    subject_alt_names: (certificate.subjectAltName ?? '').split(', ').filter((name) => name !== ''),
    days_until_expiration: String(Math.max(0, Math.floor((until - Date.now()) / 86_400_000))),
    valid_from: new Date(certificate.validFrom).toISOString(),
    expiration_time: new Date(until).toISOString(),
  }
}
