import { copyImage } from '../../oci/index.ts'
import { type Command, UsageError } from '../command.ts'
import { QUIET, QUIET_HELP, withProgress } from './progress.ts'
import { registryOptions } from './registry-options.ts'

export const copy: Command = {
  summary: 'copy an image with its signatures from one registry to another',
  usage: 'FROM TO [--no-signatures] [--quiet]',
  options: { 'no-signatures': { type: 'boolean' }, ...QUIET },
  optionHelp: { 'no-signatures': 'the image alone', ...QUIET_HELP },
  async run({ values, positionals: [from, to, ...more] }) {
    if (from === undefined || to === undefined || more.length > 0) throw new UsageError('say FROM and TO')
    const signatures = values['no-signatures'] !== true
    const digest = await withProgress(values['quiet'], (onTransfer) =>
      copyImage(from, to, { signatures, ...registryOptions(), onTransfer }),
    )
    console.log(`${to} ${digest}`)
    return 0
  },
}
