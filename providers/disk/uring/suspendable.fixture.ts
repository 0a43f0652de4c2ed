/**
 * The io_uring half of a disk provider, with the two operations of its driver that the provider
 * does not declare: on a suspended disk operations wait, as the contract suite wants them to.
 */
import { defineProvider, type Provider } from "../../../core/provider/index.ts";

export function suspendable(provider: Provider): Provider {
  const { emulated: _emulated, ends, operations, ...rest } = provider;
  const main = ends["main"]!;
  return defineProvider({
    ...rest,
    operations: {
      ...operations,
      suspend: { direction: "none", summary: "Holds operations back" },
      resume: { direction: "none", summary: "Lets them go on" },
    },
    ends: { main: { ...main, operations: [...main.operations, "suspend", "resume"] } },
  }) as Provider;
}
