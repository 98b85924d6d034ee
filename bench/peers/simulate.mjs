// iam-simulate, timing itself: a line with many questions in, a line with the results and the milliseconds of each out.
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const { runSimulation } = await import(pathToFileURL(process.argv[2]).href)
const everything = {
  name: 'everything',
  policy: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }
}

async function decide({ policy, principal, action, resource, account, context }) {
  const began = performance.now()
  const said = await runSimulation(
    {
      identityPolicies: [everything],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: policy,
      request: { principal, action, resource: { resource, accountId: account }, contextVariables: context }
    },
    {}
  )
  return [performance.now() - began, said.overallResult ?? null]
}

for await (const line of createInterface({ input: process.stdin })) {
  const answers = []
  for (const question of JSON.parse(line)) {
    answers.push(await decide(question))
  }
  process.stdout.write(JSON.stringify(answers) + '\n')
}
