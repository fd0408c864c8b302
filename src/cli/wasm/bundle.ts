import { loadBundle, saveBundle } from '../../oci/index.ts'
import { type Command, UsageError } from '../command.ts'
import { registryOptions } from './registry-options.ts'

export const bundle: Command = {
  summary: 'carry modules with their signatures in one file to where there is no registry',
  usage: 'save FILE REFERENCE… | load FILE',
  details: `FILE is an OCI image layout in a tar archive, which other tools read as oci-archive. \`load\` pushes everything under its own
name; while an instance runs, names that its registry mirrors go there.`,
  options: {},
  async run({ positionals: [action, file, ...refs] }) {
    const options = registryOptions()
    if (action === 'save' && file !== undefined && refs.length > 0) {
      for (const name of await saveBundle(file, refs, options)) console.log(name)
      return 0
    }
    if (action === 'load' && file !== undefined && refs.length === 0) {
      for (const name of await loadBundle(file, options)) console.log(name)
      return 0
    }
    throw new UsageError('say save FILE REFERENCE… or load FILE')
  },
}
