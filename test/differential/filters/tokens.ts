/** JSON Web Tokens, most of them good, and the keys that they are signed with. */
import { createHmac, createSecretKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { Dice } from './dice.ts'

interface Signer {
  readonly alg: string
  readonly kid: string
  readonly hash: string | undefined
  readonly secret: KeyObject
  readonly jwk: Record<string, unknown>
}

const SIGNERS = [
  pair('ES256', 'e', 'sha256', generateKeyPairSync('ec', { namedCurve: 'P-256' })),
  pair('ES384', 'f', 'sha384', generateKeyPairSync('ec', { namedCurve: 'P-384' })),
  pair('EdDSA', 'd', undefined, generateKeyPairSync('ed25519')),
  pair('RS256', 'r', 'sha256', generateKeyPairSync('rsa', { modulusLength: 2048 })),
  shared('HS256', 'h', 'sha256'),
  shared('HS512', 'i', 'sha512'),
]

function pair(
  alg: string,
  kid: string,
  hash: string | undefined,
  keys: { publicKey: KeyObject; privateKey: KeyObject },
) {
  return { alg, kid, hash, secret: keys.privateKey, jwk: { ...keys.publicKey.export({ format: 'jwk' }), alg, kid } }
}

function shared(alg: string, kid: string, hash: string): Signer {
  const bytes = Buffer.alloc(64, kid)
  return {
    alg,
    kid,
    hash,
    secret: createSecretKey(bytes),
    jwk: { kty: 'oct', k: bytes.toString('base64url'), alg, kid },
  }
}

/** Some of the keys, each with all that its JWK says of it or less, and what is no key. */
export function keySet(dice: Dice): string {
  if (dice.chance(0.03))
    return dice.pick(['', '{}', '{"keys":[]}', '{"keys":{}}', '{"keys":[5]}', '[]', '{"keys":[{"kty":"oct"}]}'])
  const keys = dice.some(SIGNERS, 0.6).map(({ jwk }) => ({
    ...jwk,
    ...(dice.chance(0.2) ? { kid: undefined } : {}),
    ...(dice.chance(0.2) ? { alg: undefined } : {}),
    ...(dice.chance(0.05) ? { use: 'enc' } : {}),
    ...(dice.chance(0.05) ? { alg: dice.pick(['ES512', 'HS384', 'RS512', 'none', 'x']) } : {}),
  }))
  const odd = dice.chance(0.1)
    ? [dice.pick([{ kty: 'x' }, { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }, { kty: 'oct' }])]
    : []
  return JSON.stringify({ keys: [...keys, SIGNERS[0]?.jwk, ...odd] })
}

const TIMES = [
  4_000_000_000,
  4_000_000_000,
  4e12,
  1000,
  0,
  -5,
  1.5,
  4_000_000_000.5,
  '4000000000',
  null,
  true,
  2 ** 63,
  2 ** 64,
  1e300,
]

function claims(dice: Dice): Record<string, unknown> {
  const time = () => (dice.chance(0.8) ? dice.pick([4_000_000_000, 1000, 0]) : dice.pick(TIMES))
  const any = () =>
    dice.pick<unknown>([
      'text',
      '',
      'é',
      'a "b"',
      5,
      0,
      -1.25,
      1e18,
      1e21,
      1e-7,
      true,
      false,
      null,
      [1, 'a'],
      { b: 'x' },
      { b: { c: [1] } },
      'a b  c ',
      [],
      {},
    ])
  const may = (chance: number, made: () => Record<string, unknown>) => (dice.chance(chance) ? made() : {})
  return {
    ...may(0.95, () => ({
      iss: dice.chance(0.95) ? dice.pick(['i0', 'i0', 'i1', 'i2', 'other', 'I0']) : dice.pick([5, null, ['i0'], '']),
    })),
    ...may(0.6, () => ({ sub: dice.chance(0.9) ? dice.pick(['joe', 'abc', '', 'é']) : dice.pick([5, null]) })),
    ...may(0.7, () => ({
      aud: dice.chance(0.9)
        ? dice.pick<unknown>(['a', 'https://a/', 'http://a', 'A', ['b', 'a'], ['x'], [], ''])
        : dice.pick<unknown>([5, [5], null, {}]),
    })),
    ...may(0.7, () => ({ exp: dice.chance(0.7) ? 4_000_000_000 : time() })),
    ...may(0.3, () => ({ nbf: dice.chance(0.7) ? 1000 : time() })),
    ...may(0.2, () => ({ iat: time() })),
    ...may(0.1, () => ({ jti: dice.pick<unknown>(['j', '', 5]) })),
    ...may(0.6, () => ({ a: any() })),
    ...may(0.6, () => ({ o: dice.chance(0.7) ? { a: any(), b: any() } : any() })),
    ...may(0.3, () => ({ scope: dice.pick<unknown>(['a b', 'a', '', ' a  b ', ['a b'], 5]), 'a.b': any() })),
  }
}

/** As JSON may be written, and a little beyond. What some parsers take (names that repeat, commas too many, other quotes, tabs) and how deep is each one's own. */
function text(dice: Dice, value: Record<string, unknown>): string {
  const plain = JSON.stringify(value)
  if (dice.chance(0.93)) return plain
  return dice.pick([
    ` ${plain} `,
    JSON.stringify(value, undefined, 2),
    plain.replace(/}$/, ''),
    `${plain}x`,
    plain.replace(/^{/, '{z:1,'),
    plain.replace(/^{/, '{"z":NaN,'),
    plain.replace(/^{/, '{"z":01,'),
    plain.replace(/^{/, '{"z":"\\ud83d\\ude00",'),
    plain.replace(/^{/, '{"z":"\\ud83d",'),
    plain.replace(/^{/, '{"z":"\\q",'),
    `[${plain}]`,
    '5',
    '{}',
    '',
    '\ufeff{}',
  ])
}

function signature({ hash, secret, alg }: Signer, signed: string): string {
  if (secret.type === 'secret')
    return createHmac(hash as string, secret)
      .update(signed)
      .digest('base64url')
  const made = sign(hash, Buffer.from(signed), {
    key: secret,
    ...(alg.startsWith('ES') ? { dsaEncoding: 'ieee-p1363' } : {}),
  })
  return made.toString('base64url')
}

/** One that is as it should be, most of the time. */
export function token(dice: Dice): string {
  const signer = dice.pick(SIGNERS)
  const header: Record<string, unknown> = {
    alg: dice.chance(0.92)
      ? signer.alg
      : dice.pick<unknown>(['none', 'None', 'HS256', 'ES256', 'RS256', 'x', '', 5, null, undefined]),
    ...(dice.chance(0.5) ? { kid: dice.chance(0.85) ? signer.kid : dice.pick<unknown>(['none', '', 5, null]) } : {}),
    ...(dice.chance(0.3) ? { typ: dice.pick<unknown>(['JWT', 5, 'at+jwt']) } : {}),
    ...(dice.chance(0.05) ? { crit: ['exp'] } : {}),
  }
  const coded = (json: string) => Buffer.from(json).toString('base64url')
  const signed = `${coded(text(dice, header))}.${coded(text(dice, claims(dice)))}`
  const whole = `${signed}.${signature(dice.chance(0.95) ? signer : dice.pick(SIGNERS), signed)}`
  return dice.chance(0.9) ? whole : damaged(dice, whole)
}

function damaged(dice: Dice, whole: string): string {
  const [header = '', payload = '', end = ''] = whole.split('.')
  return dice.pick([
    `${header}.${payload}`,
    `${header}.${payload}.`,
    `${header}..${end}`,
    `.${payload}.${end}`,
    `${whole}.x`,
    `${whole}=`,
    `${whole}==`,
    `${header}=.${payload}.${end}`,
    `${header}.${payload}.${end.slice(0, -1)}`,
    `${header}.${payload}.${end}A`,
    `${header}.${payload}.${end}AA`,
    `${header}.${payload}A.${end}`,
    `${header}.${payload}.${end.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))}`,
    `${header}.${payload.replace(/.$/, '+')}.${end}`,
    `${header}.${payload}.${end.replaceAll('-', '+').replaceAll('_', '/')}+/`,
    `${header}.${payload}.${end} `,
    ` ${whole}`,
    `${header}.${payload}.${end}é`,
    `${header}!.${payload}.${end}`,
    `"${whole}"`,
    '..',
    'x',
    '',
    whole.toUpperCase(),
  ])
}
