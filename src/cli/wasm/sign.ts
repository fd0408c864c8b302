import { type SignatureForm, signReference } from '../../oci/index.ts'
import { type Command, UsageError } from '../command.ts'
import { readKey } from './read-key.ts'
import { registryOptions } from './registry-options.ts'

const FORMS: readonly string[] = ['tag', 'referrer', 'bundle'] satisfies SignatureForm[]

export const sign: Command = {
  summary: 'sign an image, as cosign does',
  usage: 'REFERENCE --key FILE [--form tag|referrer|bundle] [--annotation KEY=VALUE …]',
  details:
    'FILE is a private key in PEM: ECDSA P-256 or P-384, RSA or Ed25519, for instance of `openssl genpkey -algorithm ed25519`.',
  options: { key: { type: 'string' }, form: { type: 'string' }, annotation: { type: 'string', multiple: true } },
  optionHelp: {
    key: 'the private key',
    form: 'where the signature is put; the .sig tag unless told, which every verifier reads',
    annotation: 'is signed with the digest',
  },
  async run({ values, positionals: [ref, ...more] }) {
    const key = values['key']
    if (ref === undefined || more.length > 0 || key === undefined) throw new UsageError('say REFERENCE and --key FILE')
    const form = values['form'] ?? 'tag'
    if (!FORMS.includes(form)) throw new UsageError(`--form takes ${FORMS.join(', ')}, not «${form}»`)
    const { digest } = await signReference(ref, readKey(key), {
      form: form as SignatureForm,
      annotations: pairs(values['annotation'] ?? []),
      ...registryOptions(),
    })
    console.log(`signed ${digest}`)
    return 0
  },
}

function pairs(all: readonly string[]): Record<string, string> | undefined {
  if (all.length === 0) return undefined
  return Object.fromEntries(
    all.map((pair) => {
      const at = pair.indexOf('=')
      if (at < 1) throw new UsageError(`--annotation takes KEY=VALUE, not «${pair}»`)
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}
