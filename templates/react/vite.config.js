import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  root: "page",
  base: "/app-name:app-name:publisher.os/", // where the node serves it
  build: { outDir: "../dist/ui", emptyOutDir: true },
  plugins: [react()],
});
