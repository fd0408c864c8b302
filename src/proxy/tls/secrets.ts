import { createHash } from 'node:crypto'
import { toBinary } from '@bufbuild/protobuf'
import type {
  CertificateValidationContext,
  SubjectAltNameMatcher,
  TlsCertificate,
} from '../../../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts'
import {
  CertificateValidationContextSchema,
  SubjectAltNameMatcher_SanType as SanType,
  TlsCertificateSchema,
} from '../../../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts'
import type { SdsSecretConfig, Secret } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import type {
  CommonTlsContext,
  DownstreamTlsContext,
} from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { dataSource } from '../config/data-source.ts'
import { invalid, onlyFields, unsupported } from '../config/fields.ts'
import { stringMatch, type TextMatch } from '../match/string.ts'

/** Secrets by name: those of the bootstrap and those that SDS delivered. */
export interface SecretSource {
  find(name: string): Secret | undefined
}

export interface CertificatePem {
  readonly cert: string[]
  readonly key: string[]
}

/** Certificate chains and their keys; several for different key types. */
export function certificatePem(
  common: CommonTlsContext | undefined,
  secrets: SecretSource,
  path: string,
): CertificatePem | undefined {
  if (common === undefined) return undefined
  const certificates: [TlsCertificate, string][] = common.tlsCertificates.map((c, i) => [
    c,
    `${path}.tls_certificates[${i}]`,
  ])
  common.tlsCertificateSdsSecretConfigs.forEach((config, i) => {
    const where = `${path}.tls_certificate_sds_secret_configs[${i}]`
    const secret = findSecret(config, secrets, where)
    if (secret.type.case !== 'tlsCertificate') throw invalid(where, `secret ${config.name} is no certificate`)
    certificates.push([secret.type.value, where])
  })
  if (certificates.length === 0) return undefined
  const cert: string[] = []
  const key: string[] = []
  for (const [certificate, where] of certificates) {
    onlyFields(TlsCertificateSchema, certificate, ['certificate_chain', 'private_key'], where)
    if (certificate.certificateChain === undefined) throw invalid(`${where}.certificate_chain`, 'missing')
    if (certificate.privateKey === undefined) throw invalid(`${where}.private_key`, 'missing')
    cert.push(dataSource(certificate.certificateChain, `${where}.certificate_chain`).toString('utf8'))
    key.push(dataSource(certificate.privateKey, `${where}.private_key`).toString('utf8'))
  }
  return { cert, key }
}

/** Names of the secrets that the TLS of a listener takes from SDS. */
export function downstreamSecretNames(config: DownstreamTlsContext | undefined): string[] {
  const names = secretNames(config?.commonTlsContext)
  const keys = config?.sessionTicketKeysType
  if (keys?.case === 'sessionTicketKeysSdsSecretConfig') names.push(keys.value.name)
  return names
}

/** Names of the secrets that a context takes from SDS. */
export function secretNames(common: CommonTlsContext | undefined): string[] {
  if (common === undefined) return []
  const names = common.tlsCertificateSdsSecretConfigs.map((config) => config.name)
  const kind = common.validationContextType
  if (kind.case === 'validationContextSdsSecretConfig') names.push(kind.value.name)
  if (kind.case === 'combinedValidationContext' && kind.value.validationContextSdsSecretConfig !== undefined) {
    names.push(kind.value.validationContextSdsSecretConfig.name)
  }
  return names
}

export interface PeerValidation {
  readonly ca: string | undefined
  readonly hashes: readonly string[]
  readonly crl: string | undefined
  /** Equal for contexts that ask the same of a peer. */
  readonly identity: string
  /** Takes Node's text form of the alternative names. */
  matchesNames(subjectAltName: string): boolean
}

export function validation(
  common: CommonTlsContext | undefined,
  secrets: SecretSource,
  path: string,
): PeerValidation | undefined {
  const kind = common?.validationContextType
  switch (kind?.case) {
    case undefined:
      return undefined
    case 'validationContext':
      return compileValidation([kind.value], `${path}.validation_context`)
    case 'validationContextSdsSecretConfig':
      return compileValidation([fromSds(kind.value, secrets, path)], path)
    case 'combinedValidationContext': {
      const contexts: CertificateValidationContext[] = []
      if (kind.value.defaultValidationContext !== undefined) contexts.push(kind.value.defaultValidationContext)
      const sds = kind.value.validationContextSdsSecretConfig
      if (sds !== undefined) contexts.push(fromSds(sds, secrets, `${path}.combined_validation_context`))
      return compileValidation(contexts, `${path}.combined_validation_context`)
    }
    default:
      throw unsupported(`${path}.${kind?.case}`, 'certificate providers')
  }
}

/** The secret that SDS or the bootstrap gave under this name. */
export function findSecret(config: SdsSecretConfig, secrets: SecretSource, path: string): Secret {
  const secret = secrets.find(config.name)
  if (secret === undefined) throw invalid(path, `secret ${config.name} is not there`)
  return secret
}

function fromSds(config: SdsSecretConfig, secrets: SecretSource, path: string): CertificateValidationContext {
  const secret = findSecret(config, secrets, path)
  if (secret.type.case !== 'validationContext') throw invalid(path, `secret ${config.name} is no validation context`)
  return secret.type.value
}

/** Envoy merges the two protos of a combined context; here every part of both applies. */
function compileValidation(contexts: readonly CertificateValidationContext[], path: string): PeerValidation {
  let ca: string | undefined
  let crl: string | undefined
  const hashes: string[] = []
  const names: NameMatch[] = []
  const identity = createHash('sha256')
  for (const context of contexts) {
    onlyFields(
      CertificateValidationContextSchema,
      context,
      ['trusted_ca', 'verify_certificate_hash', 'match_typed_subject_alt_names', 'match_subject_alt_names', 'crl'],
      path,
    )
    if (context.trustedCa !== undefined) ca = dataSource(context.trustedCa, `${path}.trusted_ca`).toString('utf8')
    if (context.crl !== undefined) crl = dataSource(context.crl, `${path}.crl`).toString('utf8')
    identity.update(toBinary(CertificateValidationContextSchema, context))
    for (const hash of context.verifyCertificateHash) hashes.push(hash.replaceAll(':', '').toLowerCase())
    context.matchTypedSubjectAltNames.forEach((m, i) => {
      names.push(typedName(m, `${path}.match_typed_subject_alt_names[${i}]`))
    })
    context.matchSubjectAltNames.forEach((m, i) => {
      const match = stringMatch(m, `${path}.match_subject_alt_names[${i}]`)
      names.push((_, value) => match(value))
    })
  }
  return {
    ca,
    crl,
    identity: identity.update(JSON.stringify([ca, crl])).digest('hex'),
    hashes,
    matchesNames(text) {
      if (names.length === 0) return true
      return altNames(text).some(([kind, value]) => names.some((match) => match(kind, value)))
    },
  }
}

type NameMatch = (kind: string, value: string) => boolean

function typedName(matcher: SubjectAltNameMatcher, path: string): NameMatch {
  const match: TextMatch = stringMatch(matcher.matcher, `${path}.matcher`)
  const kind = {
    [SanType.DNS]: 'DNS',
    [SanType.URI]: 'URI',
    [SanType.EMAIL]: 'email',
    [SanType.IP_ADDRESS]: 'IP Address',
  }[matcher.sanType as number]
  if (kind === undefined) throw unsupported(`${path}.san_type`, 'this type of name')
  return (actual, value) => actual === kind && match(value)
}

/** `DNS:a, URI:spiffe://b` as Node prints it (values with commas are quoted). */
export function altNames(text: string): [string, string][] {
  const result: [string, string][] = []
  for (const match of text.matchAll(/([A-Za-z][A-Za-z ]*):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)) {
    const value = match[2].startsWith('"') ? (JSON.parse(match[2]) as string) : match[2]
    result.push([match[1], value])
  }
  return result
}
