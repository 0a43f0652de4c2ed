/** Tries to connect from a network name space that has no way out. */
import { startRuntime } from "../../core/runtime/start.ts";
import { tcp } from "./provider.ts";

const io = await startRuntime({ backend: "uring", providers: [tcp] });
const error = await io.connect({ host: "192.0.2.1", port: 9 }).catch((reason) => reason);
console.log(error.code, /192\.0\.2\.1:9/.exec(error.message)?.[0]);
await io.close();
