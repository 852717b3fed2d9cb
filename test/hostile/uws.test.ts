import { hostileSuite } from "./suite.ts";

hostileSuite("uws");
