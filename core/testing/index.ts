/**
 * `ioreel/testing`: the contract suite that every provider passes, and that authors of providers
 * run on theirs.
 */
export {
  providerContract,
  type ContractOptions,
  type ContractSubject,
  type TestRunner,
} from "./contract.ts";
export { rewriteRecording } from "../session/rewrite.ts";
