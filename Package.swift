// swift-tools-version: 6.3

import PackageDescription

/// The settings of every target: strict about memory and warnings, and free of unsafe flags, so that Weld can
/// be a dependency of other packages.
let settings: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableExperimentalFeature("Lifetimes"),
  .enableExperimentalFeature("Extern"),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "Weld",
  products: [
    .library(name: "Weld", targets: ["Weld"]),
    .library(name: "WeldCheck", targets: ["WeldCheck"]),
    .library(name: "WeldCompare", targets: ["WeldCompare"]),
    .executable(name: "weld", targets: ["WeldCLI"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .target(name: "WeldBytes", swiftSettings: settings),
    .target(name: "WeldELF", dependencies: ["WeldBytes"], swiftSettings: settings),
    .target(name: "WeldMemory", dependencies: ["WeldBytes", "WeldELF"], swiftSettings: settings),
    .target(name: "WeldLink", dependencies: ["WeldBytes", "WeldELF", "WeldMemory"], swiftSettings: settings),
    .target(
      name: "WeldCheck", dependencies: ["WeldBytes", "WeldELF", "WeldMemory", "WeldLink", "WeldExecutor"],
      swiftSettings: settings),
    .target(
      name: "WeldCompare",
      dependencies: ["WeldBytes", "WeldELF", "WeldMemory", "WeldLink", "WeldExecutor", "WeldCheck"],
      swiftSettings: settings),
    .target(
      name: "WeldExecutor", dependencies: ["WeldBytes", "WeldELF", "WeldMemory"], swiftSettings: settings),
    .target(
      name: "WeldRemote", dependencies: ["WeldBytes", "WeldELF", "WeldMemory", "WeldExecutor"],
      swiftSettings: settings),
    .target(
      name: "WeldORC", dependencies: ["WeldBytes", "WeldELF", "WeldMemory", "WeldLink", "WeldExecutor"],
      swiftSettings: settings),
    .target(
      name: "Weld",
      dependencies: [
        "WeldBytes", "WeldELF", "WeldMemory", "WeldLink", "WeldExecutor", "WeldRemote", "WeldORC",
      ],
      swiftSettings: settings),
    .executableTarget(name: "weld-benchmark", dependencies: ["Weld"], path: "Tests/Benchmarks/Weld"),
    .executableTarget(
      name: "WeldCLI", dependencies: ["Weld", "WeldCheck", "WeldCompare", argumentParser],
      swiftSettings: settings),
    .testTarget(name: "WeldBytesTests", dependencies: ["WeldBytes"]),
    .testTarget(name: "WeldELFTests", dependencies: ["WeldBytes", "WeldELF"]),
    .testTarget(name: "WeldMemoryTests", dependencies: ["WeldBytes", "WeldMemory"]),
    .testTarget(name: "WeldLinkTests", dependencies: ["WeldBytes", "WeldELF", "WeldMemory", "WeldLink"]),
    .testTarget(
      name: "WeldCheckTests",
      dependencies: ["WeldBytes", "WeldELF", "WeldMemory", "WeldLink", "WeldExecutor", "WeldCheck"]),
    .testTarget(
      name: "WeldCompareTests",
      dependencies: ["WeldBytes", "WeldELF", "WeldMemory", "WeldLink", "WeldCheck", "WeldCompare"]),
    .testTarget(
      name: "WeldRemoteTests",
      dependencies: [
        "WeldBytes", "WeldELF", "WeldMemory", "WeldLink", "WeldCheck", "WeldExecutor", "WeldRemote",
        "WeldORC",
      ]),
    .testTarget(name: "WeldORCTests", dependencies: ["Weld"]),
    .testTarget(name: "WeldCLITests"),
  ],
  swiftLanguageModes: [.v6]
)
