// Links a whole static archive into this process with one of LLVM's in-process linkers, and prints what it took.
//
//   LinkArchive rtdyld|jitlink|copy ARCHIVE ITERATIONS
//
// Every iteration starts from nothing, as a program that has just embedded the linker would: it maps the archive,
// links every member, resolves all references, sets the protections and looks up every global symbol by name. Then
// it takes all of that down. One line is printed for each, when its clock has stopped, but for those of the first 200 ms:
//
//   LINKER <tab> link, ns <tab> removal, ns <tab> symbols looked up <tab> bytes allocated
//
// `weld-benchmark` does the same work with Weld and prints the same line. The rules that both keep:
//
// - The names to look up are gathered beforehand; the lookup itself is timed.
// - An undefined symbol is searched for in the process (`dlsym`), and bound to `abort` if it is not there: a function
//   that, unlike one of this program, 32-bit relocations reach.
// - Unwind tables are linked but nobody registers them with the unwinder.
// - Allocated bytes are whole pages: what the process pays.
//
// `copy` is the floor: it copies the sections that the linkers would load, out of an archive that stays mapped, and
// links nothing.
//
// LLVM's set-up is the fastest of those tried with libcrypto.a and LLVM 19. RuntimeDyld: a slab is a tenth faster than
// `SectionMemoryManager` as it comes, and tears down in half the time; forgoing call stubs gains nothing. JITLink: a
// slab and the default `InProcessMemoryManager` are equally fast; materializing on two threads takes half as long
// again.

#include "llvm/ExecutionEngine/Orc/Core.h"
#include "llvm/ExecutionEngine/Orc/ExecutorProcessControl.h"
#include "llvm/ExecutionEngine/Orc/MapperJITLinkMemoryManager.h"
#include "llvm/ExecutionEngine/Orc/ObjectFileInterface.h"
#include "llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h"
#include "llvm/ExecutionEngine/RuntimeDyld.h"
#include "llvm/Object/Archive.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/Process.h"
#include <chrono>
#include <cstring>
#include <dlfcn.h>
#include <sys/mman.h>

using namespace llvm;

namespace {

ExitOnError check("LinkArchive: ");

// As long for every linker, quick or slow: the processor and the kernel take a while to give a new process its pace.
constexpr std::chrono::milliseconds warmUp(200);

[[noreturn]] void fail(const Twine &message) {
  check(createStringError(inconvertibleErrorCode(), message));
  abort();
}

uint64_t roundedToPages(uint64_t byteCount) { return alignTo(byteCount, sys::Process::getPageSizeEstimate()); }

// ---------------------------------------------------------------------------------------------------- The archive

class Archive {
public:
  explicit Archive(StringRef path)
      : bytes(check(errorOrToExpected(
            MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false)))),
        archive(check(object::Archive::create(*bytes))) {}

  template <typename Body> void forEachMember(Body body) const {
    Error error = Error::success();
    for (const object::Archive::Child &member : archive->children(error))
      body(check(member.getMemoryBufferRef()));
    check(std::move(error));
  }

private:
  std::unique_ptr<MemoryBuffer> bytes;
  std::unique_ptr<object::Archive> archive;
};

/// What is known of an archive before the clock starts.
struct Contents {
  Archive archive;

  /// The global symbols that the members define, each once.
  std::vector<std::string> symbols;

  /// Whether two members define a symbol and neither definition is weak.
  bool hasDuplicates = false;

  /// The sections to load that are not all zeros, and their alignments. The bytes belong to `archive`.
  std::vector<std::pair<StringRef, Align>> sections;

  explicit Contents(StringRef path) : archive(path) {
    archive.forEachMember([&](MemoryBufferRef member) {
      auto object = check(object::ObjectFile::createObjectFile(member));
      addSymbols(*object);
      addSections(*object);
    });
  }

private:
  StringMap<bool> isStrong;

  void addSymbols(const object::ObjectFile &object) {
    using object::SymbolRef;
    for (const SymbolRef &symbol : object.symbols()) {
      uint32_t flags = check(symbol.getFlags());
      if (!(flags & SymbolRef::SF_Global) || (flags & SymbolRef::SF_Undefined))
        continue;
      StringRef name = check(symbol.getName());
      bool strong = !(flags & (SymbolRef::SF_Weak | SymbolRef::SF_Common));
      auto [known, isNew] = isStrong.try_emplace(name, strong);
      if (isNew)
        symbols.push_back(name.str());
      else
        hasDuplicates |= strong && known->second;
      known->second |= strong;
    }
  }

  void addSections(const object::ObjectFile &object) {
    for (const object::ELFSectionRef section : object.sections())
      if ((section.getFlags() & ELF::SHF_ALLOC) && section.getType() != ELF::SHT_NOBITS)
        sections.emplace_back(check(section.getContents()), section.getAlignment());
  }
};

uint64_t addressInProcess(StringRef name) {
  void *address = dlsym(RTLD_DEFAULT, name.str().c_str());
  return reinterpret_cast<uint64_t>(address ? address : reinterpret_cast<void *>(&abort));
}

/// A linked archive: its constructor links, its destructor takes everything down.
struct LinkedArchive {
  uint64_t symbolCount = 0;
  uint64_t byteCount = 0;

  /// The sum of the addresses that were looked up, so that each of them is really computed.
  uint64_t addressSum = 0;

  virtual ~LinkedArchive() = default;
};

// ---------------------------------------------------------------------------------------------------- RuntimeDyld

/// Memory for RuntimeDyld: one reservation, so that 32-bit relocations reach everywhere, with an area per protection.
/// Pages that are never touched cost nothing.
class SlabMemory final : public RuntimeDyld::MemoryManager {
public:
  SlabMemory() {
    void *address = mmap(nullptr, 3 * areaSize, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED)
      fail("cannot reserve memory");
    for (uint64_t i = 0; i < 3; ++i)
      areas[i].start = static_cast<uint8_t *>(address) + i * areaSize;
  }

  ~SlabMemory() override { munmap(areas[0].start, 3 * areaSize); }

  uint8_t *allocateCodeSection(uintptr_t size, unsigned alignment, unsigned, StringRef) override {
    return code.allocate(size, alignment);
  }

  uint8_t *allocateDataSection(uintptr_t size, unsigned alignment, unsigned, StringRef, bool isReadOnly) override {
    return (isReadOnly ? constants : variables).allocate(size, alignment);
  }

  bool finalizeMemory(std::string *) override {
    return mprotect(code.start, roundedToPages(code.used), PROT_READ | PROT_EXEC) ||
           mprotect(constants.start, roundedToPages(constants.used), PROT_READ);
  }

  void registerEHFrames(uint8_t *, uint64_t, size_t) override {}
  void deregisterEHFrames() override {}

  uint64_t byteCount() const {
    return roundedToPages(code.used) + roundedToPages(constants.used) + roundedToPages(variables.used);
  }

private:
  static constexpr uint64_t areaSize = 256 << 20;

  struct Area {
    uint8_t *start;
    uint64_t used = 0;

    /// Returns null, which RuntimeDyld reports, when the area is full.
    uint8_t *allocate(uint64_t size, unsigned alignment) {
      uint64_t offset = alignTo(used, std::max(alignment, 1u));
      used = offset + size;
      return used <= areaSize ? start + offset : nullptr;
    }
  };

  Area areas[3];
  Area &code = areas[0], &constants = areas[1], &variables = areas[2];
};

class ProcessResolver final : public JITSymbolResolver {
  void lookup(const LookupSet &names, OnResolvedFunction onResolved) override {
    LookupResult result;
    for (StringRef name : names)
      result.try_emplace(result.end(), name, addressInProcess(name), JITSymbolFlags::Exported);
    onResolved(std::move(result));
  }

  /// Says that the first weak definition of each symbol is the one to use.
  Expected<LookupSet> getResponsibilitySet(const LookupSet &names) override { return names; }
};

/// Of several strong definitions RuntimeDyld gives the last to those who look the symbol up, and each member the one
/// that was loaded before it.
class RuntimeDyldArchive final : public LinkedArchive {
  Archive archive;
  SlabMemory memory;
  ProcessResolver resolver;
  RuntimeDyld linker{memory, resolver};
  std::vector<std::unique_ptr<object::ObjectFile>> objects;

public:
  RuntimeDyldArchive(StringRef path, const Contents &contents) : archive(path) {
    archive.forEachMember([&](MemoryBufferRef member) {
      objects.push_back(check(object::ObjectFile::createObjectFile(member)));
      linker.loadObject(*objects.back());
    });
    linker.resolveRelocations();
    if (linker.hasError())
      fail(linker.getErrorString());
    if (memory.finalizeMemory(nullptr))
      fail("cannot protect memory");

    for (const std::string &name : contents.symbols) {
      JITEvaluatedSymbol symbol = linker.getSymbol(name);
      if (!symbol)
        fail("not found: " + name);
      addressSum += symbol.getAddress();
      ++symbolCount;
    }
    byteCount = memory.byteCount();
  }
};

// -------------------------------------------------------------------------------------------------------- JITLink

/// LLVM's mapper for memory of this process, counting the pages given to segments.
class CountingMapper final : public orc::InProcessMemoryMapper {
public:
  explicit CountingMapper(uint64_t &byteCount)
      : InProcessMemoryMapper(sys::Process::getPageSizeEstimate()), byteCount(byteCount) {}

  void initialize(AllocInfo &allocation, OnInitializedFunction onInitialized) override {
    for (const AllocInfo::SegInfo &segment : allocation.Segments)
      byteCount += roundedToPages(segment.ContentSize + segment.ZeroFillSize);
    InProcessMemoryMapper::initialize(allocation, std::move(onInitialized));
  }

private:
  uint64_t &byteCount;
};

class ProcessGenerator final : public orc::DefinitionGenerator {
  Error tryToGenerate(orc::LookupState &, orc::LookupKind, orc::JITDylib &dylib, orc::JITDylibLookupFlags,
                      const orc::SymbolLookupSet &names) override {
    orc::SymbolMap found;
    for (const auto &[name, flags] : names)
      found[name] = {orc::ExecutorAddr(addressInProcess(*name)), JITSymbolFlags::Exported};
    return dylib.define(orc::absoluteSymbols(std::move(found)));
  }
};

/// Lets the first of several strong definitions win, where ORC would report an error: the others are given to ORC as
/// weak, and turned into references when their member is linked.
class FirstDefinitionWins final : public orc::ObjectLinkingLayer::Plugin {
public:
  void weaken(orc::MaterializationUnit::Interface &interface) {
    for (auto &[name, flags] : interface.SymbolFlags)
      if (flags.isStrong() && !defined.insert(name).second)
        flags |= JITSymbolFlags::Weak;
  }

  void modifyPassConfig(orc::MaterializationResponsibility &responsibility, jitlink::LinkGraph &,
                        jitlink::PassConfiguration &passes) override {
    passes.PrePrunePasses.push_back([&responsibility](jitlink::LinkGraph &graph) {
      orc::ExecutionSession &session = responsibility.getTargetJITDylib().getExecutionSession();
      for (jitlink::Symbol *symbol : to_vector(graph.defined_symbols()))
        if (symbol->hasName() && symbol->getScope() != jitlink::Scope::Local &&
            !responsibility.getSymbols().count(session.intern(symbol->getName())))
          graph.makeExternal(*symbol);
      return Error::success();
    });
  }

  Error notifyFailed(orc::MaterializationResponsibility &) override { return Error::success(); }
  Error notifyRemovingResources(orc::JITDylib &, orc::ResourceKey) override { return Error::success(); }
  void notifyTransferringResources(orc::JITDylib &, orc::ResourceKey, orc::ResourceKey) override {}

private:
  DenseSet<orc::SymbolStringPtr> defined;
};

class JITLinkArchive final : public LinkedArchive {
  Archive archive;
  orc::ExecutionSession session{check(orc::SelfExecutorProcessControl::Create(
      /*SSP=*/nullptr, /*D=*/nullptr,
      std::make_unique<orc::MapperJITLinkMemoryManager>(slabSize, std::make_unique<CountingMapper>(byteCount))))};
  orc::ObjectLinkingLayer layer{session};

  static constexpr size_t slabSize = 256 << 20;

public:
  JITLinkArchive(StringRef path, const Contents &contents) : archive(path) {
    auto duplicates = std::make_shared<FirstDefinitionWins>();
    if (contents.hasDuplicates)
      layer.addPlugin(duplicates);

    orc::JITDylib &dylib = session.createBareJITDylib("archive");
    dylib.addGenerator(std::make_unique<ProcessGenerator>());
    archive.forEachMember([&](MemoryBufferRef member) {
      auto interface = check(orc::getObjectFileInterface(session, member));
      if (contents.hasDuplicates)
        duplicates->weaken(interface);
      auto buffer = MemoryBuffer::getMemBuffer(member, /*RequiresNullTerminator=*/false);
      check(layer.add(dylib, std::move(buffer), std::move(interface)));
    });

    // This lookup is what links.
    orc::SymbolLookupSet names;
    for (const std::string &name : contents.symbols)
      names.add(session.intern(name));
    auto order = orc::makeJITDylibSearchOrder(&dylib, orc::JITDylibLookupFlags::MatchAllSymbols);
    for (const auto &[name, symbol] : check(session.lookup(order, std::move(names)))) {
      addressSum += symbol.getAddress().getValue();
      ++symbolCount;
    }
  }

  ~JITLinkArchive() override { check(session.endSession()); }
};

// ----------------------------------------------------------------------------------------------------------- Copy

class CopiedArchive final : public LinkedArchive {
  uint8_t *memory;

public:
  explicit CopiedArchive(const Contents &contents) {
    uint64_t size = 0;
    for (const auto &[bytes, alignment] : contents.sections)
      size = alignTo(size, alignment) + bytes.size();
    byteCount = roundedToPages(size);

    void *address = mmap(nullptr, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED)
      fail("cannot allocate memory");
    memory = static_cast<uint8_t *>(address);
    uint64_t offset = 0;
    for (const auto &[bytes, alignment] : contents.sections) {
      offset = alignTo(offset, alignment);
      memcpy(memory + offset, bytes.data(), bytes.size());
      offset += bytes.size();
    }
    if (mprotect(memory, byteCount, PROT_READ | PROT_EXEC))
      fail("cannot protect memory");
  }

  ~CopiedArchive() override { munmap(memory, byteCount); }
};

std::unique_ptr<LinkedArchive> link(StringRef path, StringRef linker, const Contents &contents) {
  if (linker == "rtdyld")
    return std::make_unique<RuntimeDyldArchive>(path, contents);
  if (linker == "jitlink")
    return std::make_unique<JITLinkArchive>(path, contents);
  if (linker == "copy")
    return std::make_unique<CopiedArchive>(contents);
  fail("unknown linker: " + linker);
}

} // namespace

int main(int argc, char **argv) {
  int iterations = 0;
  if (argc != 4 || !to_integer(argv[3], iterations)) {
    errs() << "usage: LinkArchive rtdyld|jitlink|copy ARCHIVE ITERATIONS\n";
    return 2;
  }
  StringRef linker = argv[1], path = argv[2];
  Contents contents(path);

  auto begin = std::chrono::steady_clock::now();
  for (int printed = 0; printed < iterations;) {
    auto start = std::chrono::steady_clock::now();
    bool warmsUp = start - begin < warmUp;
    std::unique_ptr<LinkedArchive> archive = link(path, linker, contents);
    auto linked = std::chrono::steady_clock::now();
    uint64_t symbolCount = archive->symbolCount, byteCount = archive->byteCount;
    archive.reset();
    auto removed = std::chrono::steady_clock::now();

    if (warmsUp)
      continue;
    ++printed;
    outs() << linker << '\t' << std::chrono::nanoseconds(linked - start).count() << '\t'
           << std::chrono::nanoseconds(removed - linked).count() << '\t' << symbolCount << '\t' << byteCount << '\n';
  }
}
