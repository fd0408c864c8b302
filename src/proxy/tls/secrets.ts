import { createHash, X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { toBinary } from '@bufbuild/protobuf'
import type { DataSource } from '../../../gen/envoy/config/core/v3/base_pb.ts'
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
import type { CommonTlsContext } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import type { StringMatcher } from '../../../gen/envoy/type/matcher/v3/string_pb.ts'
import { messageOf } from '../../errors.ts'
import { dataSource } from '../config/data-source.ts'
import { invalid, onlyFields, unsupported } from '../config/fields.ts'
import { stringMatch } from '../match/string.ts'
import { accepted } from './accepted.ts'
import { dnsNameMatches } from './dns-name.ts'
import { type LoadedPem, sourcePath } from './loaded-certificates.ts'
import { SECRET_FIELDS, type SecretKind, type SecretOf, secretNeed } from './secret-need.ts'

/** Secrets by their keys: those of the bootstrap, of SDS, and of files. */
export interface SecretSource {
  find(key: string): Secret | undefined
}

export interface CertificatePem {
  readonly cert: string[]
  readonly key: string[]
}

export interface OwnCertificates {
  readonly pem: CertificatePem
  readonly loaded: readonly LoadedPem[]
}

/** Certificate chains and their keys; several for different key types. */
export function ownCertificates(
  common: CommonTlsContext | undefined,
  secrets: SecretSource,
  path: string,
): OwnCertificates | undefined {
  if (common === undefined) return undefined
  const certificates: [TlsCertificate, string][] = common.tlsCertificates.map((c, i) => [
    c,
    `${path}.tls_certificates[${i}]`,
  ])
  common.tlsCertificateSdsSecretConfigs.forEach((config, i) => {
    const where = `${path}.tls_certificate_sds_secret_configs[${i}]`
    certificates.push([findSecret(config, 'tlsCertificate', secrets, where), where])
  })
  if (certificates.length === 0) return undefined
  const cert: string[] = []
  const key: string[] = []
  const loaded: LoadedPem[] = []
  for (const [certificate, where] of certificates) {
    const pair = pairOf(certificate, where)
    cert.push(pair.cert)
    key.push(pair.key)
    loaded.push({ path: pair.from, pem: pair.cert })
  }
  return { pem: { cert, key }, loaded }
}

/** The field that gives the certificates. */
export function certificateField({ tlsCertificates }: CommonTlsContext): string {
  return tlsCertificates.length > 0 ? 'tls_certificates' : 'tls_certificate_sds_secret_configs'
}

interface Pair {
  readonly cert: string
  readonly key: string
  /** Where the certificate was read. */
  readonly from: string
}

/** One certificate chain and its key. */
export function pairOf(certificate: TlsCertificate, path: string): Pair {
  onlyFields(TlsCertificateSchema, certificate, ['certificate_chain', 'private_key'], path)
  const { certificateChain, privateKey } = certificate
  if (certificateChain === undefined) throw invalid(`${path}.certificate_chain`, 'missing')
  if (privateKey === undefined) throw invalid(`${path}.private_key`, 'missing')
  return {
    cert: dataSource(certificateChain, `${path}.certificate_chain`).toString('utf8'),
    key: dataSource(privateKey, `${path}.private_key`).toString('utf8'),
    from: sourcePath(certificateChain),
  }
}

export interface PeerValidation {
  /** Who vouches for peers, for `createSecureContext`; `undefined`: nobody has to. */
  readonly trust: SecureContextOptions | undefined
  readonly authority: LoadedPem | undefined
  /** A peer has to show a certificate, also where the context of a server does not say so. */
  readonly needsCertificate: boolean
  /** Equal for contexts that ask the same of a peer. */
  readonly identity: string
  /** Takes Node's text form of the alternative names. */
  matchesNames(subjectAltName: string): boolean
  /** It is one of those that are named by their hashes or those of their keys; `undefined`: none is. */
  pinned(certificate: X509Certificate): boolean | undefined
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
      return compileTrust([kind.value], `${path}.validation_context`)
    case 'validationContextSdsSecretConfig':
      return compileTrust([findSecret(kind.value, 'validationContext', secrets, path)], path)
    case 'combinedValidationContext': {
      const contexts: CertificateValidationContext[] = []
      if (kind.value.defaultValidationContext !== undefined) contexts.push(kind.value.defaultValidationContext)
      const sds = kind.value.validationContextSdsSecretConfig
      const where = `${path}.combined_validation_context`
      if (sds !== undefined) contexts.push(findSecret(sds, 'validationContext', secrets, where))
      return compileTrust(contexts, where)
    }
    default:
      throw unsupported(`${path}.${kind?.case}`, 'certificate providers')
  }
}

/** What SDS, a file or the bootstrap gave. */
export function findSecret<K extends SecretKind>(
  config: SdsSecretConfig,
  kind: K,
  secrets: SecretSource,
  path: string,
): SecretOf<K> {
  const secret = secrets.find(secretNeed(config, kind, path).key)
  if (secret === undefined) throw invalid(path, `secret ${config.name} is not there`)
  return secretValue(secret, kind, path)
}

/** The content of a secret, which has to be of this kind. */
export function secretValue<K extends SecretKind>({ name, type }: Secret, kind: K, path: string): SecretOf<K> {
  if (type.case !== kind) throw invalid(path, `secret ${name} has no ${SECRET_FIELDS[kind]}`)
  return type.value as SecretOf<K>
}

/** As Envoy: where no authority vouches for a certificate anybody has one with any name, and none is ever revoked. */
function compileTrust(contexts: readonly CertificateValidationContext[], path: string): PeerValidation {
  if (contexts.every(({ trustedCa }) => trustedCa === undefined)) {
    const asks = contexts.some(
      ({ matchTypedSubjectAltNames: typed, matchSubjectAltNames: names, crl }) =>
        typed.length > 0 || names.length > 0 || crl !== undefined,
    )
    if (asks) throw invalid(`${path}.trusted_ca`, 'is missing, without which names and crl say nothing')
  }
  return compileValidation(contexts, path)
}

/** Envoy merges the two protos of a combined context; here every part of both applies. */
export function compileValidation(contexts: readonly CertificateValidationContext[], path: string): PeerValidation {
  let authority: LoadedPem | undefined
  let crl: string[] | undefined
  const [hashes, keys]: string[][] = [[], []]
  const names: NameMatch[] = []
  const identity = createHash('sha256')
  for (const context of contexts) {
    onlyFields(
      CertificateValidationContextSchema,
      context,
      [
        'trusted_ca',
        'verify_certificate_hash',
        'verify_certificate_spki',
        'match_typed_subject_alt_names',
        'match_subject_alt_names',
        'crl',
      ],
      path,
    )
    if (context.trustedCa !== undefined) authority = authorities(context.trustedCa, `${path}.trusted_ca`)
    if (context.crl !== undefined) {
      crl = lists(dataSource(context.crl, `${path}.crl`).toString('utf8'))
      accepted(`${path}.crl`, () => createSecureContext({ crl }))
    }
    identity.update(toBinary(CertificateValidationContextSchema, context))
    for (const hash of context.verifyCertificateHash) hashes.push(hash.replaceAll(':', '').toLowerCase())
    keys.push(...context.verifyCertificateSpki)
    context.matchTypedSubjectAltNames.forEach((m, i) => {
      names.push(typedName(m, `${path}.match_typed_subject_alt_names[${i}]`))
    })
    context.matchSubjectAltNames.forEach((m, i) => {
      const match = nameMatch(m, `${path}.match_subject_alt_names[${i}]`)
      names.push((kind, value) => KINDS.has(kind) && match(kind, value))
    })
  }
  const ca = authority?.pem
  return {
    authority,
    // As in Envoy an authority need not be a root to be trusted.
    trust: ca === undefined ? undefined : { ca, allowPartialTrustChain: true, ...(crl === undefined ? {} : { crl }) },
    identity: identity.update(JSON.stringify([ca, crl])).digest('hex'),
    // As in Envoy (DefaultCertValidator::initializeSslContexts): else whoever shows none would be none of those that are asked for.
    needsCertificate: hashes.length + keys.length + names.length > 0,
    pinned(certificate) {
      if (hashes.length + keys.length === 0) return undefined
      return hashes.includes(sha256(certificate.raw, 'hex')) || keys.includes(sha256(publicKey(certificate), 'base64'))
    },
    matchesNames(text) {
      if (names.length === 0) return true
      return altNames(text).some(([kind, value]) => names.some((match) => match(kind, value)))
    },
  }
}

/** OpenSSL takes a text without certificates for nobody to trust, and says nothing. */
function authorities(source: DataSource, path: string): LoadedPem {
  const pem = dataSource(source, path).toString('utf8')
  try {
    new X509Certificate(pem)
  } catch (error) {
    throw invalid(path, `begins with no certificate: ${messageOf(error)}`)
  }
  return { path: sourcePath(source), pem }
}

/** Of a text with several, OpenSSL reads the first. */
function lists(pem: string): string[] {
  return pem.match(/-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----/g) ?? [pem]
}

function sha256(bytes: Uint8Array, encoding: 'hex' | 'base64'): string {
  return createHash('sha256').update(bytes).digest(encoding)
}

/** The SubjectPublicKeyInfo. */
function publicKey(certificate: X509Certificate): Buffer {
  return certificate.publicKey.export({ type: 'spki', format: 'der' })
}

type NameMatch = (kind: string, value: string) => boolean

function typedName(matcher: SubjectAltNameMatcher, path: string): NameMatch {
  const match = nameMatch(matcher.matcher, `${path}.matcher`)
  const kind = {
    [SanType.DNS]: 'DNS',
    [SanType.URI]: 'URI',
    [SanType.EMAIL]: 'email',
    [SanType.IP_ADDRESS]: 'IP Address',
  }[matcher.sanType as number]
  if (kind === undefined) throw unsupported(`${path}.san_type`, 'this type of name')
  return (actual, value) => actual === kind && match(actual, value)
}

/** Those that Envoy looks at. */
const KINDS: ReadonlySet<string> = new Set(['DNS', 'URI', 'email', 'IP Address'])

/** What is to be one name of DNS, a certificate may have with a wildcard. */
function nameMatch(matcher: StringMatcher | undefined, path: string): NameMatch {
  const match = stringMatch(matcher, path)
  const pattern = matcher?.matchPattern
  if (pattern?.case !== 'exact') return (_, value) => match(value)
  return (kind, value) => (kind === 'DNS' ? dnsNameMatches(pattern.value, value) : match(value))
}

/** `DNS:a, URI:spiffe://b` as Node prints it (values with commas are quoted). */
export function altNames(text: string): [string, string][] {
  const result: [string, string][] = []
  for (const match of text.matchAll(/([A-Za-z][A-Za-z ]*):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)) {
    const value = match[2].startsWith('"') ? (JSON.parse(match[2]) as string) : match[2]
    result.push([match[1], match[1] === 'IP Address' ? shortAddress(value) : value])
  }
  return result
}

/** OpenSSL writes all eight groups of an IPv6 address, in upper case. */
function shortAddress(ip: string): string {
  return ip.includes(':') ? new URL(`http://[${ip}]`).hostname.slice(1, -1) : ip
}
