import { hostileSuite } from "./suite.ts";

hostileSuite("ws");
