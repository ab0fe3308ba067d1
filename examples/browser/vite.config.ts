import { defineConfig } from 'vite';

export default defineConfig({
  // Relative addresses: the built page works from any folder of any server.
  base: './',
  build: {
    target: 'es2022',
    // No `data:` addresses: the page's policy lets it fetch from its own server only.
    assetsInlineLimit: 0,
  },
  worker: { format: 'es' },
  // The package finds its wasm file beside its own module; bundling it in advance would part the two.
  optimizeDeps: { exclude: ['popmail-wasm'] },
  // The package lies outside this folder.
  server: { fs: { allow: ['../..'] } },
});
