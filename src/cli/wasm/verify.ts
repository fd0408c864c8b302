import { verifyReference } from '../../oci/index.ts'
import { type Command, UsageError } from '../command.ts'
import { readKey } from './read-key.ts'
import { registryOptions } from './registry-options.ts'

export const verify: Command = {
  summary: 'tell whether an image is signed by a key, as verificationKey does',
  usage: 'REFERENCE --key FILE',
  options: { key: { type: 'string' } },
  optionHelp: { key: 'the public key in PEM' },
  async run({ values, positionals: [ref, ...more] }) {
    const key = values['key']
    if (ref === undefined || more.length > 0 || key === undefined) throw new UsageError('say REFERENCE and --key FILE')
    const digest = await verifyReference(ref, readKey(key), { ...registryOptions() })
    console.log(`${digest} is signed by this key`)
    return 0
  },
}
