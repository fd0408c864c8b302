import { copyImage } from '../../oci/index.ts'
import { type Command, UsageError } from '../command.ts'
import { registryOptions } from './registry-options.ts'

export const copy: Command = {
  summary: 'copy an image with its signatures from one registry to another',
  usage: 'FROM TO [--no-signatures]',
  options: { 'no-signatures': { type: 'boolean' } },
  optionHelp: { 'no-signatures': 'the image alone' },
  async run({ values, positionals: [from, to, ...more] }) {
    if (from === undefined || to === undefined || more.length > 0) throw new UsageError('say FROM and TO')
    const digest = await copyImage(from, to, {
      signatures: values['no-signatures'] !== true,
      ...registryOptions(),
      onBlob: ({ digest: blob, size }) => process.stderr.write(`${blob.slice(0, 19)} ${size} bytes\n`),
    })
    console.log(`${to} ${digest}`)
    return 0
  },
}
