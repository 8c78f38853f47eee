// The whole of the public API, for `import Weld`.
@_exported import WeldBytes
@_exported import WeldELF
@_exported import WeldExecutor
@_exported import WeldLink
@_exported import WeldMemory
@_exported import WeldORC
@_exported import WeldRemote
