/** Makes certificates and lists of revoked ones for trials. */
import '../../../src/base/reflect-metadata.ts'
import { randomBytes, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

x509.cryptoProvider.set(webcrypto as never)

/** PEM: the certificate, with those between it and its root where a peer shows them, and its key. */
export interface Issued {
  readonly cert: string
  readonly key: string
}

export type Valid = 'now' | 'past' | 'future'

export interface Leaf {
  readonly subject?: string
  /** `dns:a.example`, `uri:…`, `email:…`, `ip:…` */
  readonly names: readonly string[]
  readonly usages: readonly (keyof typeof x509.ExtendedKeyUsage)[]
  readonly key?: 'P-256' | 'P-384' | 'rsa'
  readonly valid?: Valid
}

const HOUR = 3_600_000
const BEGINS: Readonly<Record<Valid, number>> = { now: -HOUR, past: -3 * HOUR, future: HOUR }
const LASTS = 2 * HOUR
const SIGNATURE = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const { keyCertSign, cRLSign, digitalSignature, keyEncipherment } = x509.KeyUsageFlags

type Keys = webcrypto.CryptoKeyPair

/** An authority. */
export class Issuer {
  readonly own: Issued
  readonly #keys: Keys
  readonly #certificate: x509.X509Certificate

  private constructor(keys: Keys, certificate: x509.X509Certificate, key: string) {
    this.#keys = keys
    this.#certificate = certificate
    this.own = { cert: pem(certificate), key }
  }

  static async root(name: string, valid: Valid = 'now'): Promise<Issuer> {
    const keys = await newKeys('P-256')
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name,
      keys: keys as never,
      ...common(valid),
      extensions: await authorityExtensions(keys),
    })
    return new Issuer(keys, certificate, await privatePem(keys))
  }

  static async selfSigned(leaf: Leaf): Promise<Issued> {
    const keys = await newKeys('P-256')
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: subjectOf(leaf),
      keys: keys as never,
      ...common('now'),
      extensions: leafExtensions(leaf),
    })
    return { cert: pem(certificate), key: await privatePem(keys) }
  }

  /** An authority that this one vouches for. */
  async below(name: string): Promise<Issuer> {
    const keys = await newKeys('P-256')
    const certificate = await this.#sign(name, keys, 'now', await authorityExtensions(keys))
    return new Issuer(keys, certificate, await privatePem(keys))
  }

  async issue(leaf: Leaf): Promise<Issued> {
    const keys = await newKeys(leaf.key ?? 'P-256')
    const certificate = await this.#sign(subjectOf(leaf), keys, leaf.valid ?? 'now', [
      ...leafExtensions(leaf),
      await x509.AuthorityKeyIdentifierExtension.create(this.#certificate),
    ])
    return { cert: pem(certificate), key: await privatePem(keys) }
  }

  async crl(serials: readonly string[], valid: Valid = 'now'): Promise<string> {
    const { notBefore, notAfter, signingAlgorithm } = common(valid)
    const list = await x509.X509CrlGenerator.create({
      issuer: this.#certificate.subject,
      thisUpdate: notBefore,
      nextUpdate: notAfter,
      signingAlgorithm,
      signingKey: this.#keys.privateKey as never,
      entries: serials.map((serialNumber) => ({
        serialNumber,
        revocationDate: notBefore,
        reason: x509.X509CrlReason.keyCompromise,
      })),
    })
    return `${x509.PemConverter.encode(list.rawData, 'X509 CRL')}\n`
  }

  #sign(subject: string, keys: Keys, valid: Valid, extensions: x509.Extension[]): Promise<x509.X509Certificate> {
    return x509.X509CertificateGenerator.create({
      subject,
      issuer: this.#certificate.subject,
      publicKey: keys.publicKey as never,
      signingKey: this.#keys.privateKey as never,
      ...common(valid),
      extensions,
    })
  }
}

function common(valid: Valid) {
  const notBefore = new Date(Date.now() + BEGINS[valid])
  return {
    serialNumber: `4${randomBytes(15).toString('hex')}`,
    notBefore,
    notAfter: new Date(notBefore.getTime() + LASTS),
    signingAlgorithm: SIGNATURE,
  }
}

async function authorityExtensions(keys: Keys): Promise<x509.Extension[]> {
  return [
    new x509.BasicConstraintsExtension(true, undefined, true),
    new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
    await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never),
  ]
}

function leafExtensions({ names, usages }: Leaf): x509.Extension[] {
  const types = { dns: 'dns', uri: 'url', email: 'email', ip: 'ip' } as const
  const alternatives = names.map((name) => {
    const colon = name.indexOf(':')
    return { type: types[name.slice(0, colon) as keyof typeof types], value: name.slice(colon + 1) }
  })
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(digitalSignature | keyEncipherment, true),
    ...(usages.length === 0
      ? []
      : [new x509.ExtendedKeyUsageExtension(usages.map((usage) => x509.ExtendedKeyUsage[usage]))]),
    ...(alternatives.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(alternatives)]),
  ]
}

function subjectOf({ subject, names }: Leaf): string {
  return subject ?? `CN=${names[0].replace(/[^a-z.]/g, '')}`
}

/** RSA keys take long to make, and one serves any number of certificates. */
let rsa: Promise<Keys> | undefined

function newKeys(kind: 'P-256' | 'P-384' | 'rsa'): Promise<Keys> {
  if (kind !== 'rsa')
    return webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: kind }, true, ['sign', 'verify']) as Promise<Keys>
  rsa ??= webcrypto.subtle.generateKey(
    { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
    true,
    ['sign', 'verify'],
  ) as Promise<Keys>
  return rsa
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`
}

async function privatePem(keys: Keys): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')}\n`
}
