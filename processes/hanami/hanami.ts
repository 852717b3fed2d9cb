/** hanami:hanami:sys. */
import { defineProcess } from "jackfield/process";

export default defineProcess({
  init: (ctx) =>
    void ctx
      .request("homepage:homepage:sys")
      .body({ Add: { label: "hanami" } })
      .send(),
});
