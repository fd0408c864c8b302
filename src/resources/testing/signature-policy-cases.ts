import { type Case, casesOf, SKIPPED } from './cases.ts'

const KEY = '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n'
const bot = { issuer: 'https://accounts.example.com', subject: 'bot@example.com', trustedRoot: '{}' }
const rules = (...rules: object[]) => ({ rules })

export const SIGNATURE_POLICY_CASES: readonly Case[] = casesOf('extensions.sluice.dev/v1alpha1', 'SignaturePolicy', {
  'a key for a registry': [rules({ prefix: 'ghcr.io', keys: [KEY] })],
  'identities for namespaces': [rules({ namespaces: ['a', 'b'], keyless: [bot], mode: 'Warn' })],
  'no rule': [rules(), 'spec.rules: Invalid value: 0: spec.rules in body should have at least 1 items'],
  'a rule for nothing': [
    rules({ keys: [KEY] }),
    'spec.rules[0]: Invalid value: "object": one of prefix or namespaces must be set',
  ],
  'a rule without signers': [
    rules({ prefix: '*' }),
    'spec.rules[0]: Invalid value: "object": one of keys or keyless must be set',
  ],
  'a prefix with a scheme': [
    rules({ prefix: 'oci://ghcr.io', keys: [KEY] }),
    'spec.rules[0].prefix: Invalid value: "string": write a host and a path, without scheme and without a slash at the end',
  ],
  'a private key': [
    rules({ prefix: '*', keys: ['-----BEGIN PRIVATE KEY-----'] }),
    'spec.rules[0].keys[0]: Invalid value: "string": must be a public key in PEM',
  ],
  'an identity without subject': [
    rules({ prefix: '*', keyless: [{ issuer: 'https://accounts.example.com', trustedRoot: '{}' }] }),
    'spec.rules[0].keyless[0]: Invalid value: "object": exactly one of subject or subjectRegex must be set',
  ],
  'an unknown mode': [
    rules({ prefix: '*', keys: [KEY], mode: 'Audit' }),
    'spec.rules[0].mode: Unsupported value: "Audit": supported values: "Enforce", "Warn"',
    SKIPPED,
  ],
})
