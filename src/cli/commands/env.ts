import { SluiceError } from '../../errors.ts'
import { openHome } from '../../standalone/home.ts'
import { readRunning } from '../../standalone/running.ts'
import type { Command } from '../command.ts'

export const command: Command = {
  summary: 'print shell lines that point kubectl and curl at the running instance',
  usage: '        # eval "$(npx sluice env)"',
  positionals: false,
  options: {},
  async run() {
    const home = openHome()
    const running = readRunning(home)
    if (running === undefined) throw new SluiceError('SL6005', `no instance runs from ${home.dir}`)
    const variables = {
      KUBECONFIG: home.kubeconfig,
      INGRESS_HOST: running.ingressHost,
      INGRESS_PORT: running.ingressPort,
      SECURE_INGRESS_PORT: running.secureIngressPort,
    }
    for (const [name, value] of Object.entries(variables)) console.log(`export ${name}=${shellQuote(String(value))}`)
    return 0
  },
}

/** Single quotes, because a home folder may have any name. */
function shellQuote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
