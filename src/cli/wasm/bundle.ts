import { loadBundle, saveBundle } from '../../oci/index.ts'
import { type Command, UsageError } from '../command.ts'
import { QUIET, QUIET_HELP, withProgress } from './progress.ts'
import { registryOptions } from './registry-options.ts'

export const bundle: Command = {
  summary: 'carry modules with their signatures in one file to where there is no registry',
  usage: 'save FILE REFERENCE… | load FILE [--quiet]',
  details: `FILE is an OCI image layout in a tar archive, which other tools read as oci-archive. \`load\` pushes everything under its own
name; while an instance runs, names that its registry mirrors go there.`,
  options: QUIET,
  optionHelp: QUIET_HELP,
  async run({ values, positionals: [action, file, ...refs] }) {
    const options = registryOptions()
    const saving = action === 'save' && refs.length > 0
    if (file === undefined || !(saving || (action === 'load' && refs.length === 0))) {
      throw new UsageError('say save FILE REFERENCE… or load FILE')
    }
    const names = await withProgress(values['quiet'], (onTransfer) =>
      saving ? saveBundle(file, refs, { ...options, onTransfer }) : loadBundle(file, { ...options, onTransfer }),
    )
    for (const name of names) console.log(name)
    return 0
  },
}
