import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

/** A client's certificate (with its chain) and key, in PEM. */
export interface CertificatePair {
  readonly cert: string
  readonly key: string
}

/** PEM of certificate authorities. Throws unless there is one at least and all can be read: TLS itself would pass over them in silence. */
export function readAuthority(path: string, dir = '.'): string {
  const text = read(path, dir)
  const blocks = certificatesIn(text)
  if (blocks.length === 0) throw new Error(`names ${path}, which holds no certificate in PEM`)
  for (const block of blocks) readCertificate(block, path)
  return text
}

/** A certificate with the key that belongs to it; both may be in one file. */
export function readPair(certificate: string, keyPath: string, dir: string): CertificatePair {
  const cert = read(certificate, dir)
  const [first] = certificatesIn(cert)
  if (first === undefined) throw new Error(`names ${certificate}, which holds no certificate in PEM`)
  const key = read(keyPath, dir)
  let matches: boolean
  try {
    matches = readCertificate(first, certificate).checkPrivateKey(createPrivateKey(key))
  } catch {
    throw new Error(`names ${keyPath}, which holds no private key that can be read`)
  }
  if (!matches) throw new Error(`names ${keyPath}, which is not the key of ${certificate}`)
  return { cert, key }
}

function certificatesIn(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []
}

function readCertificate(block: string, path: string): X509Certificate {
  try {
    return new X509Certificate(block)
  } catch {
    throw new Error(`names ${path}, which holds a certificate that cannot be read`)
  }
}

function read(path: string, dir: string): string {
  try {
    return readFileSync(resolve(dir, path), 'utf8')
  } catch (error) {
    throw new Error(`names ${path}, which cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}
