import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { initializeCA, initializeCTLog, initializeTLog } from '@sigstore/mock'
import { HashAlgorithm, PublicKeyDetails, TrustedRoot } from '@sigstore/protobuf-specs'
import type { KeylessSigner } from '../../xds/index.ts'
import { bundleCovers, preAuthEncoding } from './bundle.ts'

const ISSUER = 'https://accounts.example.com'
const SUBJECT = 'https://github.com/acme/auth/.github/workflows/release.yaml@refs/tags/v1'
const DIGEST = `sha256:${'a'.repeat(64)}`
const TYPE = 'application/vnd.in-toto+json'
const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()

/** A certificate authority with its logs, as Fulcio and Rekor are. */
async function sigstore() {
  const ctlog = await initializeCTLog(pair())
  const ca = await initializeCA(pair(), ctlog)
  const tlog = await initializeTLog('https://rekor.example.com', pair())
  const validFor = { start: new Date(Date.now() - 3_600_000), end: undefined }
  const log = (publicKey: Buffer) => ({
    baseUrl: 'https://rekor.example.com',
    hashAlgorithm: HashAlgorithm.SHA2_256,
    publicKey: { rawBytes: publicKey, keyDetails: PublicKeyDetails.PKIX_ECDSA_P256_SHA_256, validFor },
    logId: { keyId: sha256(publicKey) },
    checkpointKeyId: undefined,
    operator: '',
  })
  const root = TrustedRoot.toJSON({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [log(tlog.publicKey)],
    ctlogs: [log(ctlog.publicKey)],
    certificateAuthorities: [
      {
        subject: { organization: 'example', commonName: 'example' },
        uri: 'https://fulcio.example.com',
        certChain: { certificates: [{ rawBytes: Buffer.from(ca.rootCertificate.buffer) }] },
        validFor,
        operator: '',
      },
    ],
    timestampAuthorities: [],
  })
  return { ca, tlog, root: JSON.stringify(root) }
}

type Sigstore = Awaited<ReturnType<typeof sigstore>>

interface LogEntry {
  readonly body: string
  readonly integratedTime: number
  readonly logID: string
  readonly logIndex: number
  readonly verification: {
    readonly inclusionProof: { logIndex: number; rootHash: string; treeSize: number; checkpoint: string }
    readonly signedEntryTimestamp: string
  }
}

/** What cosign 3 writes after a keyless signature. */
async function bundle({ ca, tlog }: Sigstore, digest = DIGEST) {
  const { publicKey, privateKey } = pair()
  const certificate = await ca.issueCertificate({
    publicKey: publicKey.export({ type: 'spki', format: 'der' }) as Buffer<ArrayBuffer>,
    subjectAltName: SUBJECT,
    extensions: [{ oid: '1.3.6.1.4.1.57264.1.8', value: ISSUER }],
  })
  const statement = Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ digest: { sha256: digest.slice('sha256:'.length) } }],
    }),
  )
  const signature = sign('sha256', preAuthEncoding(TYPE, statement), privateKey).toString('base64')
  const payloadHash = { algorithm: 'sha256', value: sha256(statement).toString('hex') }
  const spec = { payloadHash, signatures: [{ signature, verifier: '' }] }
  const entries: Record<string, LogEntry> = await tlog.log({ apiVersion: '0.0.1', kind: 'dsse', spec })
  const [entry] = Object.values(entries)
  const { inclusionProof, signedEntryTimestamp } = entry.verification
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: {
      certificate: { rawBytes: Buffer.from(certificate.buffer).toString('base64') },
      tlogEntries: [
        {
          logIndex: String(entry.logIndex),
          logId: { keyId: Buffer.from(entry.logID, 'hex').toString('base64') },
          kindVersion: { kind: 'dsse', version: '0.0.1' },
          integratedTime: String(entry.integratedTime),
          inclusionPromise: { signedEntryTimestamp },
          inclusionProof: {
            logIndex: String(inclusionProof.logIndex),
            rootHash: Buffer.from(inclusionProof.rootHash, 'hex').toString('base64'),
            treeSize: String(inclusionProof.treeSize),
            hashes: [] as string[],
            checkpoint: { envelope: inclusionProof.checkpoint },
          },
          canonicalizedBody: entry.body,
        },
      ],
    },
    dsseEnvelope: {
      payloadType: TYPE,
      payload: statement.toString('base64'),
      signatures: [{ sig: signature, keyid: '' }],
    },
  }
}

const ours = await sigstore()
const others = await sigstore()
const signer: KeylessSigner = { issuer: ISSUER, subject: SUBJECT, trustedRoot: ours.root }
const covers = (signed: object, who: Partial<KeylessSigner> = {}, digest = DIGEST) =>
  bundleCovers(Buffer.from(JSON.stringify(signed)), digest, [], [{ ...signer, ...who }])

describe('signatures without keys', async () => {
  const good = await bundle(ours)
  const { subject: _, ...anybody } = signer
  const changed = (change: (copy: typeof good) => void) => {
    const copy = structuredClone(good)
    change(copy)
    return copy
  }
  const other = await bundle(ours, `sha256:${'b'.repeat(64)}`)

  it('is taken by identity, issuer and trusted root', () => assert.equal(covers(good), true))
  it('is taken by a pattern of the whole identity', () => {
    const by = (subjectRegex: string) =>
      bundleCovers(Buffer.from(JSON.stringify(good)), DIGEST, [], [{ ...anybody, subjectRegex }])
    assert.equal(by('https://github\\.com/acme/.*@refs/tags/.*'), true)
    assert.equal(by('https://github\\.com/acme/'), false)
  })

  const refused: Record<string, boolean> = {
    'another identity': covers(good, { subject: 'https://github.com/evil' }),
    'another issuer': covers(good, { issuer: 'https://evil.example.com' }),
    'another trusted root': covers(good, { trustedRoot: others.root }),
    'a certificate of another authority': covers(await bundle(others)),
    'another image': covers(good, {}, `sha256:${'b'.repeat(64)}`),
    'no log entry': covers(changed((copy) => copy.verificationMaterial.tlogEntries.splice(0))),
    'a log entry of another signature': covers(
      changed((copy) => {
        copy.verificationMaterial.tlogEntries = other.verificationMaterial.tlogEntries
      }),
    ),
    'a log entry with a changed time': covers(
      changed((copy) => {
        copy.verificationMaterial.tlogEntries[0].integratedTime = '1'
      }),
    ),
    'a changed statement': covers(
      changed((copy) => {
        const text = Buffer.from(copy.dsseEnvelope.payload, 'base64').toString().replace('subject', ' subject')
        copy.dsseEnvelope.payload = Buffer.from(text).toString('base64')
      }),
    ),
    'a signature by another key': covers(
      changed((copy) => {
        copy.dsseEnvelope.signatures = other.dsseEnvelope.signatures
      }),
    ),
  }
  for (const [name, taken] of Object.entries(refused)) it(`is refused: ${name}`, () => assert.equal(taken, false))

  it('a trusted root or pattern that cannot be read is said', () => {
    assert.throws(() => covers(good, { trustedRoot: 'x' }), { code: 'SL3031' })
    const unreadable = { ...anybody, subjectRegex: '(' }
    assert.throws(() => bundleCovers(Buffer.from(JSON.stringify(good)), DIGEST, [], [unreadable]), { code: 'SL3031' })
  })
})
