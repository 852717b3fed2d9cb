/** `import()` for core.cjs: a script that was compiled by hand has none. */
module.exports = (specifier) => import(specifier);
