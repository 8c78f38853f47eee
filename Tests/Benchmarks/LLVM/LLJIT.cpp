// Uses LLVM's LLJIT with one of its linking layers, and prints what it took.
//
//   LLJIT rtdyld|jitlink archive ARCHIVE ITERATIONS
//   LLJIT rtdyld|jitlink object OBJECT FUNCTION ITERATIONS
//   LLJIT rtdyld|jitlink objects OBJECTS COUNT ITERATIONS
//
// `archive`: every iteration makes an LLJIT, adds every member of the archive and looks every global symbol up in one
// lookup. `object`: one object is added, FUNCTION looked up in it and called, with one LLJIT for all iterations; the object is removed
// before the next one, outside of the clock. `objects`: COUNT objects of the archive OBJECTS, which do not need each other, are added one by
// one, then looked up one by one, in an LLJIT of their own. One line is printed for each iteration, but for those of the first 200 ms:
//
//   LAYER <tab> ns <tab> symbols looked up
//
// `weld-benchmark` does the same with Weld's LLJIT and prints the same lines. The rules that both keep: the bytes are in memory and the names
// known beforehand; what the process does not define is bound to `abort`; the layers are as LLJIT sets them up by itself, with unwind tables
// registered.

#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h"
#include "llvm/ExecutionEngine/Orc/RTDyldObjectLinkingLayer.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ExecutionEngine/SectionMemoryManager.h"
#include "llvm/Object/Archive.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/TargetSelect.h"
#include <chrono>
#include <dlfcn.h>

using namespace llvm;

namespace {

ExitOnError check("LLJIT: ");
using Clock = std::chrono::steady_clock;

// As long for every linker, quick or slow: the processor and the kernel take a while to give a new process its pace.
constexpr std::chrono::milliseconds warmUp(200);

class ProcessGenerator final : public orc::DefinitionGenerator {
  Error tryToGenerate(orc::LookupState &, orc::LookupKind, orc::JITDylib &dylib, orc::JITDylibLookupFlags,
                      const orc::SymbolLookupSet &names) override {
    orc::SymbolMap found;
    for (const auto &[name, flags] : names) {
      void *address = dlsym(RTLD_DEFAULT, (*name).str().c_str());
      found[name] = {orc::ExecutorAddr::fromPtr(address ? address : reinterpret_cast<void *>(&abort)),
                     JITSymbolFlags::Exported};
    }
    return dylib.define(orc::absoluteSymbols(std::move(found)));
  }
};

std::unique_ptr<orc::LLJIT> makeJIT(StringRef layer) {
  orc::LLJITBuilder builder;
  builder.setProcessSymbolsJITDylibSetup([](orc::LLJIT &jit) -> Expected<orc::JITDylibSP> {
    orc::JITDylib &dylib = jit.getExecutionSession().createBareJITDylib("<Process Symbols>");
    dylib.addGenerator(std::make_unique<ProcessGenerator>());
    return &dylib;
  });
  if (layer == "rtdyld")
    builder.setObjectLinkingLayerCreator([](orc::ExecutionSession &session, const Triple &) {
      return std::make_unique<orc::RTDyldObjectLinkingLayer>(
          session, [] { return std::make_unique<SectionMemoryManager>(); });
    });
  // Else LLJIT's own choice, which is JITLink on this machine.
  return check(builder.create());
}

struct Contents {
  std::unique_ptr<MemoryBuffer> bytes;
  std::vector<MemoryBufferRef> members;
  std::vector<std::string> symbols;

  explicit Contents(StringRef path)
      : bytes(check(errorOrToExpected(
            MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false)))) {
    auto archive = check(object::Archive::create(*bytes));
    Error error = Error::success();
    StringSet<> known;
    for (const object::Archive::Child &member : archive->children(error)) {
      members.push_back(check(member.getMemoryBufferRef()));
      auto object = check(object::ObjectFile::createObjectFile(members.back()));
      for (const object::SymbolRef &symbol : object->symbols()) {
        uint32_t flags = check(symbol.getFlags());
        if (!(flags & object::SymbolRef::SF_Global) || (flags & object::SymbolRef::SF_Undefined))
          continue;
        StringRef name = check(symbol.getName());
        if (known.insert(name).second)
          symbols.push_back(name.str());
      }
    }
    check(std::move(error));
  }
};

std::unique_ptr<MemoryBuffer> view(MemoryBufferRef bytes) {
  return MemoryBuffer::getMemBuffer(bytes, /*RequiresNullTerminator=*/false);
}

/// Calls `body`, which returns what it took, until `iterations` lines are printed.
template <typename Body> void measure(StringRef layer, int iterations, Body body) {
  auto begin = Clock::now();
  for (int printed = 0; printed < iterations;) {
    bool warmsUp = Clock::now() - begin < warmUp;
    uint64_t symbolCount = 0;
    Clock::duration time = body(symbolCount);
    if (warmsUp)
      continue;
    ++printed;
    outs() << layer << '\t' << std::chrono::nanoseconds(time).count() << '\t' << symbolCount << '\n';
  }
}

void measureArchive(StringRef layer, StringRef path, int iterations) {
  Contents contents(path);
  measure(layer, iterations, [&](uint64_t &symbolCount) {
    auto start = Clock::now();
    auto jit = makeJIT(layer);
    for (MemoryBufferRef member : contents.members)
      check(jit->addObjectFile(view(member)));
    orc::SymbolLookupSet names;
    for (const std::string &name : contents.symbols)
      names.add(jit->mangleAndIntern(name));
    auto order = orc::makeJITDylibSearchOrder(&jit->getMainJITDylib(), orc::JITDylibLookupFlags::MatchAllSymbols);
    auto found = check(jit->getExecutionSession().lookup(order, std::move(names)));
    auto time = Clock::now() - start;
    symbolCount = found.size();
    return time;
  });
}

void measureObject(StringRef layer, StringRef path, StringRef function, int iterations) {
  auto bytes = check(errorOrToExpected(MemoryBuffer::getFile(path)));
  auto jit = makeJIT(layer);
  measure(layer, iterations, [&](uint64_t &symbolCount) {
    auto start = Clock::now();
    auto tracker = jit->getMainJITDylib().createResourceTracker();
    check(jit->addObjectFile(tracker, view(*bytes)));
    auto address = check(jit->lookup(function));
    symbolCount = address.toPtr<int (*)(int, int)>()(1, 2) != 0;
    auto time = Clock::now() - start;
    check(tracker->remove());
    return time;
  });
}

void measureObjects(StringRef layer, StringRef path, unsigned count, int iterations) {
  Contents contents(path);
  measure(layer, iterations, [&](uint64_t &symbolCount) {
    auto start = Clock::now();
    auto jit = makeJIT(layer);
    for (unsigned i = 0; i < count; ++i)
      check(jit->addObjectFile(view(contents.members[i])));
    for (unsigned i = 0; i < count; ++i)
      symbolCount += check(jit->lookup(contents.symbols[i])).getValue() != 0;
    return Clock::now() - start;
  });
}

} // namespace

int main(int argc, char **argv) {
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  std::vector<StringRef> arguments(argv + 1, argv + argc);
  int iterations = 0;
  unsigned count = 0;
  if (arguments.size() < 4 || !to_integer(arguments.back(), iterations)) {
    errs() << "usage: LLJIT rtdyld|jitlink archive ARCHIVE ITERATIONS\n"
              "       LLJIT rtdyld|jitlink object OBJECT FUNCTION ITERATIONS\n"
              "       LLJIT rtdyld|jitlink objects OBJECTS COUNT ITERATIONS\n";
    return 2;
  }
  StringRef layer = arguments[0], work = arguments[1];
  if (work == "archive")
    measureArchive(layer, arguments[2], iterations);
  else if (work == "object")
    measureObject(layer, arguments[2], arguments[3], iterations);
  else if (work == "objects" && to_integer(arguments[3], count))
    measureObjects(layer, arguments[2], count, iterations);
}
