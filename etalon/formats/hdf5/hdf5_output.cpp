#include "etalon/formats/hdf5/hdf5_output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <limits>

#include "etalon/base/error.hpp"
#include "etalon/formats/hdf5/hdf5_call.hpp"

namespace etalon {

struct Hdf5Output::Disk {
  explicit Disk(const std::filesystem::path& path)
      : fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)),
        error_number(fd < 0 ? errno : 0) {}
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  ~Disk() {
    if (fd >= 0) ::close(fd);
  }

  void write(const char* at, std::size_t size_bytes, haddr_t offset) {
    while (size_bytes > 0 && error_number == 0) {
      const ssize_t n = ::pwrite(fd, at, size_bytes, static_cast<off_t>(offset));
      if (n < 0 && errno != EINTR) error_number = errno;
      if (n <= 0) continue;
      at += n;
      size_bytes -= static_cast<std::size_t>(n);
      offset += static_cast<haddr_t>(n);
    }
  }
  void read(char* at, std::size_t size_bytes, haddr_t offset) {
    while (size_bytes > 0) {
      const ssize_t n = ::pread(fd, at, size_bytes, static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      at += n;
      size_bytes -= static_cast<std::size_t>(n);
      offset += static_cast<haddr_t>(n);
    }
    std::memset(at, 0, size_bytes);  // beyond the end, as the library's own drivers do
  }
  void truncate(haddr_t size_bytes) {
    if (error_number == 0 && ::ftruncate(fd, static_cast<off_t>(size_bytes)) != 0) error_number = errno;
  }

  int fd;
  int error_number;  // of the first failure; 0: none
};

// The library's way to the disk, a "virtual file driver": H5FDpublic.h.
struct Hdf5Output::Driver : H5FD_t {
  struct Info {  // what the library carries from the property list to open()
    Disk* disk;
  };
  Disk* disk = nullptr;
  haddr_t end_of_allocation = 0, end_of_file = 0;

  static Driver& of(H5FD_t* file) { return *static_cast<Driver*>(file); }
  static const Driver& of(const H5FD_t* file) { return *static_cast<const Driver*>(file); }

  static H5FD_t* open(const char*, unsigned, hid_t access, haddr_t) {
    auto* driver = new Driver{};
    driver->disk = static_cast<const Info*>(H5Pget_driver_info(access))->disk;
    return driver;
  }
  static herr_t close(H5FD_t* file) {
    delete static_cast<Driver*>(file);
    return 0;
  }
  static herr_t query(const H5FD_t*, unsigned long* flags) {
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA;
    return 0;
  }
  static haddr_t get_eoa(const H5FD_t* file, H5FD_mem_t) { return of(file).end_of_allocation; }
  static herr_t set_eoa(H5FD_t* file, H5FD_mem_t, haddr_t end) {
    of(file).end_of_allocation = end;
    return 0;
  }
  static haddr_t get_eof(const H5FD_t* file, H5FD_mem_t) { return of(file).end_of_file; }
  static herr_t read(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t offset, size_t size_bytes, void* to) {
    of(file).disk->read(static_cast<char*>(to), size_bytes, offset);
    return 0;
  }
  static herr_t write(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t offset, size_t size_bytes, const void* from) {
    of(file).disk->write(static_cast<const char*>(from), size_bytes, offset);
    of(file).end_of_file = std::max(of(file).end_of_file, offset + size_bytes);
    return 0;
  }
  static herr_t truncate(H5FD_t* file, hid_t, hbool_t) {
    Driver& driver = of(file);
    if (driver.end_of_file != driver.end_of_allocation) driver.disk->truncate(driver.end_of_allocation);
    driver.end_of_file = driver.end_of_allocation;
    return 0;
  }

  static H5FD_class_t make_class() {
    H5FD_class_t made{};
    made.name = "etalon";
    made.maxaddr = std::numeric_limits<off_t>::max();
    made.fc_degree = H5F_CLOSE_STRONG;
    made.fapl_size = sizeof(Info);
    made.open = open;
    made.close = close;
    made.query = query;
    made.get_eoa = get_eoa;
    made.set_eoa = set_eoa;
    made.get_eof = get_eof;
    made.read = read;
    made.write = write;
    made.truncate = truncate;
    constexpr H5FD_mem_t kMap[] = H5FD_FLMAP_DICHOTOMY;  // as the usual driver: metadata here, data there
    std::copy(std::begin(kMap), std::end(kMap), made.fl_map);
    return made;
  }
};

hid_t hdf5_written(hid_t result) {
  if (result < 0)
    throw Error(Kind::kInternal, fmt::format("the HDF5 library does not write as asked: {}", hdf5_reason()));
  return result;
}

Hdf5Output::Hdf5Output(const std::filesystem::path& path) : disk_(std::make_unique<Disk>(path)) {
  check();
  hdf5_prepare();
  static const H5FD_class_t kDriver = Driver::make_class();
  const Hdf5Id driver(hdf5_written(H5FDregister(&kDriver)), H5FDunregister);
  const Hdf5Id creation(hdf5_written(H5Pcreate(H5P_FILE_CREATE)), H5Pclose);
  hdf5_written(H5Pset_obj_track_times(creation.get(), false));
  const Hdf5Id access(hdf5_written(H5Pcreate(H5P_FILE_ACCESS)), H5Pclose);
  hdf5_written(H5Pset_libver_bounds(access.get(), H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST));  // h5py's default
  hdf5_written(H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG));
  const Driver::Info info{disk_.get()};
  hdf5_written(H5Pset_driver(access.get(), driver.get(), &info));
  file_.emplace(hdf5_written(H5Fcreate("output", H5F_ACC_TRUNC, creation.get(), access.get())), H5Fclose);
}

Hdf5Output::~Hdf5Output() = default;

void Hdf5Output::check() const {
  const int number = disk_->error_number;
  if (number == 0) return;
  const bool full = number == ENOSPC || number == EDQUOT || number == EFBIG;
  throw Error(Kind::kEnvironment, fmt::format("cannot write the HDF5 file: {}", std::strerror(number)),
              full ? "free some space or give another folder" : "");
}

void Hdf5Output::finish() {
  hdf5_written(file_->close());
  check();
}

}  // namespace etalon
