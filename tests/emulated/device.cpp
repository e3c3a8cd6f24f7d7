// A device for torch that is not the CPU and computes on it: every operation runs on the same memory, seen as the CPU's.
//
// What a GPU refuses it refuses too: tensors of two devices in one operation, and a generator of the CPU. With
// EMULATED_WITHOUT_FLOAT64 in the environment it has no float64 either, as Apple's MPS.

#include <ATen/EmptyTensor.h>
#include <ATen/Generator.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace {

using at::Tensor;
constexpr auto kDevice = c10::DeviceType::PrivateUse1;

struct Memory final : c10::Allocator {
  c10::DataPtr allocate(size_t bytes) override {
    void* memory = std::malloc(bytes ? bytes : 1);
    return {memory, memory, &std::free, c10::Device(kDevice, 0)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &std::free; }
  void copy_data(void* to, const void* from, size_t bytes) const override { std::memcpy(to, from, bytes); }
};
Memory memory;
REGISTER_ALLOCATOR(kDevice, &memory);

struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return kDevice; }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  c10::Device exchangeDevice(c10::Device) const override { return {kDevice, 0}; }
  c10::Device getDevice() const override { return {kDevice, 0}; }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::Stream getStream(c10::Device device) const override { return c10::Stream(c10::Stream::DEFAULT, device); }
  c10::Stream exchangeStream(c10::Stream stream) const override { return stream; }
};
C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard);

struct Hooks final : at::PrivateUse1HooksInterface {
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
};

Tensor empty_strided(c10::IntArrayRef size, c10::IntArrayRef stride, std::optional<c10::ScalarType> dtype,
                     std::optional<c10::Layout>, std::optional<c10::Device>, std::optional<bool>) {
  const auto type = c10::dtype_or_default(dtype);
  TORCH_CHECK_TYPE(type != c10::kDouble || !std::getenv("EMULATED_WITHOUT_FLOAT64"),
                   "Cannot convert to float64: the emulated device does not have it, as Apple's MPS.");
  return at::detail::empty_strided_generic(size, stride, &memory, c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), type);
}

Tensor empty(c10::IntArrayRef size, std::optional<c10::ScalarType> dtype, std::optional<c10::Layout> layout,
             std::optional<c10::Device> device, std::optional<bool> pinned, std::optional<c10::MemoryFormat> format) {
  std::vector<int64_t> stride(size.size(), 1);
  for (size_t i = size.size(); i-- > 1;) stride[i - 1] = stride[i] * std::max<int64_t>(size[i], 1);
  auto made = empty_strided(size, stride, dtype, layout, device, pinned);
  if (format && *format != c10::MemoryFormat::Preserve) made.unsafeGetTensorImpl()->empty_tensor_restride(*format);
  return made;
}

Tensor as_cpu(const Tensor& tensor) {
  if (!tensor.defined() || tensor.is_cpu()) return tensor;
  if (tensor.numel() == 0) return at::empty(tensor.sizes(), at::dtype(tensor.dtype()));  // it may be there to be resized
  return at::from_blob(tensor.data_ptr(), tensor.sizes(), tensor.strides(), at::dtype(tensor.dtype()));
}

Tensor as_emulated(const Tensor& computed) {
  if (!computed.defined()) return computed;
  auto result = empty_strided(computed.sizes(), computed.strides(), computed.scalar_type(), {}, {}, {});
  as_cpu(result).copy_(computed);
  return result;
}

Tensor copy_from(const Tensor& from, const Tensor& to, bool) {
  at::AutoDispatchBelowAutograd below;
  as_cpu(to).copy_(as_cpu(from));
  return to;
}

Tensor& set_(Tensor& tensor, at::Storage storage, int64_t offset, c10::IntArrayRef size, c10::IntArrayRef stride) {
  auto* of = tensor.unsafeGetTensorImpl();
  of->set_storage_keep_dtype(std::move(storage));
  of->set_storage_offset(offset);
  of->set_sizes_and_strides(size, stride);
  return tensor;
}

const Tensor& resize_(const Tensor& tensor, c10::IntArrayRef size, std::optional<c10::MemoryFormat>) {
  if (tensor.sizes() == size) return tensor;
  auto* of = tensor.unsafeGetTensorImpl();
  of->set_storage_keep_dtype(empty(size, tensor.scalar_type(), {}, {}, {}, {}).storage());
  of->set_storage_offset(0);
  of->set_sizes_contiguous(size);
  return tensor;
}

// Any operation: its arguments as the CPU's, its results as the device's. What it writes to, it wrote in place.
void compute(const c10::OperatorHandle& operation, torch::jit::Stack* stack) {
  at::AutoDispatchBelowAutograd below;
  const auto& schema = operation.schema();
  const auto count = schema.arguments().size(), begin = stack->size() - count;
  const std::vector<c10::IValue> given(stack->begin() + begin, stack->end());
  bool of_device = false, of_cpu = false;
  auto look = [&](const Tensor& tensor) {
    if (!tensor.defined()) return;
    of_device |= !tensor.is_cpu();
    of_cpu |= tensor.is_cpu() && tensor.dim() > 0;  // a number may come from anywhere
  };
  for (size_t i = 0; i < count; ++i) {
    auto& argument = (*stack)[begin + i];
    if (argument.isTensor()) {
      look(argument.toTensor());
      argument = as_cpu(argument.toTensor());
    } else if (argument.isTensorList()) {
      c10::List<Tensor> there;
      for (const Tensor& tensor : argument.toTensorVector()) look(tensor), there.push_back(as_cpu(tensor));
      argument = there;
    } else if (argument.isOptionalTensorList()) {  // the numbers of rows: these a GPU takes from the CPU as well
      c10::List<std::optional<Tensor>> there;
      for (const std::optional<Tensor>& tensor : argument.toOptionalTensorVector()) {
        if (tensor && tensor->defined()) of_device |= !tensor->is_cpu();
        there.push_back(tensor ? std::optional<Tensor>(as_cpu(*tensor)) : std::nullopt);
      }
      argument = there;
    } else if (argument.isGenerator()) {
      of_cpu |= argument.toGenerator().device().is_cpu();
    } else if (argument.isDevice()) {
      argument = c10::Device(c10::kCPU);
    }
  }
  TORCH_CHECK(!(of_device && of_cpu), "Expected all tensors to be on the same device, but found at least two devices, ",
              "emulated:0 and cpu, in ", schema.name());
  operation.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), stack);

  const auto results = schema.returns().size(), first = stack->size() - results;
  for (size_t i = 0; i < results; ++i) {
    auto& result = (*stack)[first + i];
    const auto* alias = schema.returns()[i].alias_info();
    if (alias && alias->isWrite()) {
      const auto computed = result;
      for (size_t j = 0; j < count; ++j) {
        const auto* of = schema.arguments()[j].alias_info();
        if (of && *of == *alias) result = given[j];
      }
      if (result.isTensor() && result.toTensor().sizes() != computed.toTensor().sizes()) {
        copy_from(computed.toTensor(), resize_(result.toTensor(), computed.toTensor().sizes(), {}), false);
      }
    } else if (result.isTensor()) {
      result = as_emulated(result.toTensor());
    } else if (result.isTensorList()) {
      c10::List<Tensor> there;
      for (const Tensor& tensor : result.toTensorVector()) there.push_back(as_emulated(tensor));
      result = there;
    }
  }
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  m.impl("empty.memory_format", &empty);
  m.impl("empty_strided", &empty_strided);
  m.impl("_copy_from", &copy_from);
  m.impl("set_.source_Storage_storage_offset", &set_);
  m.impl("resize_", &resize_);
  m.impl("as_strided", &at::native::as_strided_tensorimpl);
  m.impl("view", &at::native::view);
  m.impl("_reshape_alias", &at::native::_reshape_alias);
  m.impl("unfold", &at::native::unfold);
  // Operations that torch would take apart into those of a device that it knows.
  m.impl("convolution", torch::CppFunction::makeFromBoxedFunction<&compute>());
  m.impl("convolution_backward", torch::CppFunction::makeFromBoxedFunction<&compute>());
}
TORCH_LIBRARY_IMPL(_, PrivateUse1, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&compute>()); }

const bool registered = (at::RegisterPrivateUse1HooksInterface(new Hooks()), true);

}  // namespace
