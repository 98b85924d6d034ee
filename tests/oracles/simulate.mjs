// A line of JSON in, a line of JSON out: what iam-simulate, a program of its own with its own licence, says of a request.
//
// In:  {"policy": key policy or none, "principal", "action", "resource", "account", "context",
//       "identity": the policies of the principal; without them it may do everything}
// Out: {"result": "Allowed" | "ImplicitlyDenied" | "ExplicitlyDenied", "ignored": [context keys]} or {"error": "…"}
import { createInterface } from 'node:readline'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const everything = {
  name: 'everything',
  policy: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }
}

async function answer({ policy, identity, principal, action, resource, account, context }) {
  const simulation = {
    identityPolicies: identity?.map((policy, index) => ({ name: `policy ${index}`, policy })) ?? [everything],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: policy,
    request: { principal, action, resource: { resource, accountId: account }, contextVariables: context }
  }
  const said = await runSimulation(simulation, {})
  if (said.resultType === 'error') {
    return { error: JSON.stringify(said.errors) }
  }
  return { result: said.overallResult, ignored: said.result?.ignoredContextKeys ?? [] }
}

for await (const line of createInterface({ input: process.stdin })) {
  const said = await answer(JSON.parse(line)).catch((error) => ({ error: String(error) }))
  process.stdout.write(JSON.stringify(said) + '\n')
}
