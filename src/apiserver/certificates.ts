/** Issues what the API server shows and its admin signs in with. */
import { randomBytes, webcrypto } from 'node:crypto'
import '../base/reflect-metadata.ts'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'
import type { Credentials } from './tls.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const TEN_YEARS = 3650 * 86_400_000

/** All of them; of what is known only the server certificate is new. */
export async function makeCredentials(names: readonly string[], known: Credentials | undefined): Promise<Credentials> {
  x509.cryptoProvider.set(webcrypto)
  const ca = known === undefined ? await newCa() : await loadCa(known)
  const server = await issue(ca, 'CN=sluice-apiserver', names, x509.ExtendedKeyUsage.serverAuth)
  const client =
    known === undefined
      ? await issue(ca, 'CN=sluice-admin, O=system:masters', [], x509.ExtendedKeyUsage.clientAuth)
      : { certPem: known.clientCertPem, keyPem: known.clientKeyPem }
  return {
    caPem: ca.certificate.toString('pem'),
    caKeyPem: ca.keyPem,
    certPem: server.certPem,
    keyPem: server.keyPem,
    clientCertPem: client.certPem,
    clientKeyPem: client.keyPem,
    token: known?.token ?? randomBytes(24).toString('base64url'),
    names,
  }
}

interface Ca {
  readonly certificate: x509.X509Certificate
  readonly key: webcrypto.CryptoKey
  readonly keyPem: string
}

async function newCa(): Promise<Ca> {
  const keys = (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=sluice-ca',
    serialNumber: randomBytes(16).toString('hex'),
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + TEN_YEARS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate, key: keys.privateKey, keyPem: await exportKey(keys.privateKey) }
}

async function loadCa(known: Credentials): Promise<Ca> {
  const der = x509.PemConverter.decodeFirst(known.caKeyPem)
  const key = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign'])
  return { certificate: new x509.X509Certificate(known.caPem), key, keyPem: known.caKeyPem }
}

async function issue(ca: Ca, subject: string, names: readonly string[], usage: x509.ExtendedKeyUsage) {
  const keys = (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
  const san = names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value }))
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: ca.certificate.subject,
    serialNumber: randomBytes(16).toString('hex'),
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + TEN_YEARS),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: ca.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([usage]),
      ...(san.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(san)]),
      await x509.AuthorityKeyIdentifierExtension.create(ca.certificate),
    ],
  })
  return { certPem: certificate.toString('pem'), keyPem: await exportKey(keys.privateKey) }
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')
}
