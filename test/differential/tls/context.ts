/** TLS contexts of either side: what they ask of a peer, and what they show. */
import type { Dice } from '../filters/dice.ts'
import { stringMatcher } from '../filters/matchers.ts'

type Json = Record<string, unknown>

const TYPE = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3'

export function transportSocket(side: 'Downstream' | 'Upstream', context: Readonly<Json>): Json {
  return { name: 'tls', typed_config: { '@type': `${TYPE}.${side}TlsContext`, ...context } }
}

export function inline(reference: string): Json {
  return { inline_string: reference }
}

export function certificate(name: string, key = name): Json {
  return { certificate_chain: inline(`@${name}.cert`), private_key: inline(`@${key}.key`) }
}

/** `leaves`: who may come, of whom hashes are. */
export function commonContext(dice: Dice, certificates: readonly string[], leaves: readonly string[]): Json {
  return {
    ...(dice.chance(0.4) ? { tls_params: parameters(dice) } : {}),
    ...(certificates.length === 0 ? {} : { tls_certificates: certificates.map((name) => certificate(name)) }),
    ...validationContext(dice, leaves),
    ...(dice.chance(0.5) ? { alpn_protocols: dice.list(1, 3, () => dice.pick(PROTOCOLS)) } : {}),
  }
}

const PROTOCOLS = ['h2', 'http/1.1', 'http/1.1', 'x']
const VERSIONS = ['TLS_AUTO', 'TLSv1_0', 'TLSv1_1', 'TLSv1_2', 'TLSv1_2', 'TLSv1_3', 'TLSv1_3']
const CIPHERS = [
  ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
  ...['ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ...['ECDHE-RSA-AES128-SHA', 'AES128-GCM-SHA256', 'AES256-SHA'],
  '[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]',
]
const CURVES = ['X25519', 'P-256', 'P-384', 'X25519MLKEM768']
const SIGNATURES = ['ecdsa_secp256r1_sha256', 'rsa_pss_rsae_sha256', 'rsa_pkcs1_sha256', 'ecdsa_secp384r1_sha384']

function parameters(dice: Dice): Json {
  return {
    ...(dice.chance(0.4) ? { tls_minimum_protocol_version: dice.pick(VERSIONS) } : {}),
    ...(dice.chance(0.5) ? { tls_maximum_protocol_version: dice.pick(VERSIONS) } : {}),
    ...(dice.chance(0.4) ? { cipher_suites: dice.list(1, 3, () => ciphers(dice)) } : {}),
    ...(dice.chance(0.3) ? { ecdh_curves: named(dice, CURVES) } : {}),
    ...(dice.chance(0.1) ? { signature_algorithms: named(dice, SIGNATURES) } : {}),
  }
}

/** BoringSSL refuses what is named twice. */
function named(dice: Dice, words: readonly string[]): string[] {
  const some = dice.some(words, 0.4)
  return some.length === 0 ? [dice.pick(words)] : some
}

function ciphers(dice: Dice): string {
  return dice.chance(0.04) ? dice.pick(['NONE', 'TLS_AES_128_GCM_SHA256', '', '!AES']) : dice.pick(CIPHERS)
}

function validationContext(dice: Dice, leaves: readonly string[]): Json {
  if (dice.chance(0.12)) return {}
  if (dice.chance(0.85)) return { validation_context: validation(dice, leaves) }
  // What SDS has to say is in the bootstrap, by its name.
  const secret = dice.pick(['trust-first', 'trust-other'])
  const rest = validation(dice, leaves)
  if (dice.chance(0.3)) return { validation_context_sds_secret_config: { name: secret } }
  return {
    combined_validation_context: {
      default_validation_context: rest,
      validation_context_sds_secret_config: { name: secret },
    },
  }
}

/** Those that the bootstrap has. */
export const SECRETS: readonly Json[] = [
  { name: 'trust-first', validation_context: { trusted_ca: inline('@first.cert') } },
  {
    name: 'trust-other',
    validation_context: {
      trusted_ca: inline('@other.cert'),
      match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { suffix: '.example' } }],
    },
  },
]

const AUTHORITIES = [
  ...['@first.cert', '@first.cert', '@first.cert', '@first.cert', '@other.cert', '@first.cert+other.cert'],
  ...['@other.cert+first.cert', '@middle.cert', '@middle.cert+first.cert', '@old.cert', '@client-self.cert'],
]
const LISTS = ['@revoked.crl', '@nobody.crl', '@stale.crl', '@other.crl', '@revoked.crl+middle.crl', '@middle.crl']

function validation(dice: Dice, leaves: readonly string[]): Json {
  const leaf = () => dice.pick(leaves)
  return {
    ...(dice.chance(0.85) ? { trusted_ca: inline(dice.pick(AUTHORITIES)) } : {}),
    ...(dice.chance(0.15)
      ? { verify_certificate_hash: dice.list(1, 2, () => `@${leaf()}.${dice.pick(['hash', 'colons'])}`) }
      : {}),
    ...(dice.chance(0.12) ? { verify_certificate_spki: dice.list(1, 2, () => `@${leaf()}.spki`) } : {}),
    ...(dice.chance(0.35) ? { match_typed_subject_alt_names: dice.list(1, 2, () => typedName(dice)) } : {}),
    ...(dice.chance(0.12) ? { crl: inline(dice.pick(LISTS)) } : {}),
    ...(dice.chance(0.02) ? { only_verify_leaf_cert_crl: true } : {}),
    ...(dice.chance(0.02) ? { allow_expired_certificate: true } : {}),
    ...(dice.chance(0.03) ? { trust_chain_verification: dice.pick(['ACCEPT_UNTRUSTED', 'VERIFY_TRUST_CHAIN']) } : {}),
    ...(dice.chance(0.02) ? { max_verify_depth: dice.int(0, 3) } : {}),
  }
}

const NAMES: Readonly<Record<string, readonly string[]>> = {
  DNS: ['client.example', 'a.example', 'rsa.client.example', 'b.example', '*.client.example', '*.example'],
  URI: ['spiffe://td/client', 'spiffe://td/a', 'spiffe://td/one', 'spiffe://td/two,three'],
  EMAIL: ['client@example', 'b@example'],
  IP_ADDRESS: ['10.0.0.7', '2001:db8::7', '127.0.0.1', '2001:DB8::7'],
}

function typedName(dice: Dice): Json {
  const type = dice.pick(['DNS', 'DNS', 'URI', 'URI', 'EMAIL', 'IP_ADDRESS'])
  const matcher = dice.chance(0.5) ? { exact: dice.pick(NAMES[type]) } : stringMatcher(dice, NAMES[type])
  return { san_type: type, matcher }
}
